"""A release of the chart: what the scenarios ask about it and do to it."""

import json
import pathlib

from cluster import Trouble, until

CHART = pathlib.Path(__file__).resolve().parent.parent / "helm/millrace"
NAME = "millrace"
# Small machines run several nodes of a test's cluster.
SMALL = ["--set", "resources.requests.cpu=50m", "--set", "resources.requests.memory=128Mi", "--set", "persistence.size=1Gi"]


class Release:
    """In a namespace of its own, which allows what restricted pods may do and no more."""

    def __init__(self, cluster, namespace):
        self.cluster, self.namespace, self.ours = cluster, namespace, False

    def kubectl(self, *arguments, **options):
        return self.cluster.kubectl("-n", self.namespace, *arguments, **options)

    def helm(self, *arguments, **options):
        return self.cluster.helm("-n", self.namespace, *arguments, **options)

    def install(self, image):
        # One that is there already is somebody's, and must not be taken away at the end.
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.ours = True
        self.cluster.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")
        self.helm("install", NAME, CHART, *image_values(image), *SMALL, "--wait", "--timeout", "180s")

    def uninstall(self):
        """Takes everything away that `install` made, the volumes too."""
        if not self.ours:
            return
        self.helm("uninstall", NAME, "--wait", "--timeout", "180s", check=False)
        self.kubectl("delete", "pvc", "--all", "--timeout=60s", check=False)
        self.cluster.kubectl("delete", "namespace", self.namespace, "--timeout=100s", check=False)

    def pods(self):
        """The nodes' pods, by name."""
        found = self.cluster.get("-n", self.namespace, "pods", "-l", "app.kubernetes.io/component=node")
        return {pod["metadata"]["name"]: pod for pod in found["items"]}

    def ready(self):
        """How many pods are ready."""
        return sum(is_ready(pod) for pod in self.pods().values())

    def await_ready(self, count, seconds=240):
        """Waits until there are so many pods, all of them ready."""

        def complete():
            pods = self.pods().values()
            return len(pods) == count and all(is_ready(pod) and not is_ending(pod) for pod in pods)

        until(f"{count} ready pods", complete, seconds)

    def status(self, pod=f"{NAME}-1"):
        """What a node says about the cluster."""
        return json.loads(self.kubectl("exec", pod, "-c", "millrace", "--", "/millrace", "status", "--output", "json"))

    def wrong_zones(self):
        """Nodes that do not know the zone of their machine."""
        zones = {pod_of(node): node["zone"] for node in self.status()["nodes"]}
        wrong = []
        for name, pod in self.pods().items():
            labels = self.cluster.get("node", pod["spec"]["nodeName"])["metadata"]["labels"]
            wanted = labels.get("topology.kubernetes.io/zone", "")
            known = zones.get(name)
            if known != wanted:
                wrong.append(f"{name} is in zone {wanted!r}, and believes to be in {known!r}")
        return wrong

    def busiest_off(self, machine):
        """The pod that leads most, among those on other machines than this one."""
        leads = {pod_of(node): node["leads"] for node in self.status()["nodes"]}
        pods = [pod for pod in self.pods().values() if pod["spec"]["nodeName"] != machine]
        if not pods:
            raise Trouble("all pods are on one machine: there is none to make faults on")
        return max(pods, key=lambda pod: leads.get(pod["metadata"]["name"], 0))


def image_values(image):
    repository, _, tag = image.rpartition(":")
    return ["--set-string", f"image.repository={repository}", "--set-string", f"image.tag={tag}"]


def pod_of(node):
    """The name of a node's pod. Its number need not be the pod's."""
    return node["admin"].split(".")[0]


def is_ready(pod):
    conditions = pod["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def is_ending(pod):
    return "deletionTimestamp" in pod["metadata"]


def restarts(pod):
    return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))

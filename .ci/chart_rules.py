#!/usr/bin/env python3
"""What must hold in what the chart renders, and what it must refuse: chart_rules.py CHART, with HELM and KUBE_VERSION."""

import os
import subprocess
import sys

import yaml

CHART = sys.argv[1]
NOTHING = []

# Settings that must not install, and a word of the reason.
REFUSED = [
    (["--set", "replica=3"], "replica"),
    (["--set", "replicas=-1"], "replicas"),
    (["--set", "replicas=three"], "replicas"),
    (["--set", "replicas=1"], "bootstrapExpect"),
    (["--set", "bootstrapExpect=0"], "bootstrapExpect"),
    (["--set", "image.tag=1"], "tag"),
    (["--set", "image.pullPolicy=Sometimes"], "pullPolicy"),
    (["--set", "settings.NODE_ID=7"], "settings"),
    (["--set-string", "settings.REPLICAS=many"], "REPLICAS"),
    (["--set", "extraEnv[0].name=MILLRACE_SEEDS"], "extraEnv"),
    (["--set", "persistence.size=10"], "size"),
    (["--set", "persistence.size=ten"], "size"),
    (["--set", "persistence.whenScaled=Keep"], "whenScaled"),
    (["--set", "persistence.accessModes[0]=ReadWriteMany"], "accessModes"),
    (["--set", "service.type=ExternalName"], "type"),
    (["--set", "service.port=0"], "port"),
    (["--set", "ingress.enabled=true"], "hosts"),
    (["--set", "antiAffinity=hard"], "antiAffinity"),
    (["--set", "topologySpread.zones=Always"], "zones"),
    (["--set", "podDisruptionBudget.maxUnavailable=0"], "maxUnavailable"),
    (["--set", "terminationGracePeriodSeconds=1"], "terminationGracePeriodSeconds"),
    (["--set", "resources.requests.memory=lots"], "memory"),
    (["--set", "serviceMonitor.interval=often"], "interval"),
    (["--set", "zones.fromNodes=perhaps"], "fromNodes"),
]


def template(*flags):
    command = [os.environ["HELM"], "template", "release", CHART, "--namespace", "messages"]
    command += ["--kube-version", os.environ["KUBE_VERSION"], *flags]
    return subprocess.run(command, capture_output=True, text=True)


def render(*flags):
    done = template(*flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(objects, kind):
    found = [document for document in objects if document["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def refusals():
    for flags, reason in REFUSED:
        done = template(*flags)
        assert done.returncode != 0, f"{flags} was rendered"
        assert reason in done.stderr, f"{flags} was refused for another reason: {done.stderr}"


def scale_is_only_a_number():
    """A change of the scale must restart nobody and found nothing."""
    three, five = (one(render("--set", f"replicas={n}"), "StatefulSet") for n in (3, 5))
    assert (three["spec"].pop("replicas"), five["spec"].pop("replicas")) == (3, 5)
    assert three == five


def chart_version_restarts_nobody():
    labels = one(render(), "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert not {"helm.sh/chart", "app.kubernetes.io/version"} & set(labels), labels


def pods_are_restricted():
    """What the Pod Security Standard `restricted` demands."""
    objects = render()
    pods = [one(objects, "StatefulSet")["spec"]["template"]["spec"], one(objects, "Pod")["spec"]]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"] == {"drop": ["ALL"]}


def permissions_are_those_switched_on():
    def rules(*flags):
        kinds = ("Role", "ClusterRole")
        return [rule for document in render(*flags) if document["kind"] in kinds for rule in document["rules"]]

    everything = rules()
    assert all(rule["verbs"] == ["get"] for rule in everything), everything
    assert [rule["resources"] for rule in everything] == [["nodes"], ["statefulsets"]] or [
        rule["resources"] for rule in everything
    ] == [["statefulsets"], ["nodes"]], everything
    off = ["--set", "drainOnScaleDown=false", "--set", "zones.fromNodes=false"]
    assert rules(*off) == NOTHING
    pod = one(render(*off), "StatefulSet")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False


def test_pod_is_no_node():
    """The services and the budget must not count the pod of `helm test`."""
    objects = render()
    smoke = one(objects, "Pod")["metadata"]["labels"]
    selectors = [document["spec"]["selector"] for document in objects if document["kind"] == "Service"]
    selectors.append(one(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"])
    for selector in selectors:
        assert not selector.items() <= smoke.items(), selector


RULES = [
    refusals,
    scale_is_only_a_number,
    chart_version_restarts_nobody,
    pods_are_restricted,
    permissions_are_those_switched_on,
    test_pod_is_no_node,
]
for rule in RULES:
    rule()
print(f"{len(RULES)} rules hold, {len(REFUSED)} senseless settings are refused")

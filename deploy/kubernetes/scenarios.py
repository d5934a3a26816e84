"""What is done to a release under load. Each function does it and returns when the cluster is whole again."""

from cluster import Trouble, until
from hand import Hand
from release import CHART, NAME, image_values, is_ready, restarts

# Longer than Kubernetes takes to call a machine NotReady (40 s) and its services to forget the pods there.
PARTITION_SECONDS = 60


def kill(release, test):
    """`kill -9` of the process that leads most"""
    pod = release.busiest_off(test.machine)
    name, before = pod["metadata"]["name"], restarts(pod)
    hand = Hand(release.cluster, test.hand_image, pod["spec"]["nodeName"])
    try:
        hand.kill(pod)
    finally:
        hand.withdraw()
    until(f"{name} is restarted", lambda: restarts(release.pods()[name]) > before, 60)
    release.await_ready(3)


def partition(release, test):
    """a machine cut off for 60 s, then back"""
    machine = release.busiest_off(test.machine)["spec"]["nodeName"]
    hand = Hand(release.cluster, test.hand_image, machine)
    try:
        hand.partition(PARTITION_SECONDS)
        until(f"{machine} is not ready", lambda: not is_ready(release.cluster.get("node", machine)), PARTITION_SECONDS)
        until(f"{machine} is back", lambda: is_ready(release.cluster.get("node", machine)), PARTITION_SECONDS + 120)
        release.await_ready(3)
    finally:
        hand.withdraw()


def drain(release, test):
    """`kubectl drain` of a machine, then `uncordon`"""
    machine = release.busiest_off(test.machine)["spec"]["nodeName"]
    try:
        flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s"]
        release.cluster.kubectl("drain", machine, *flags, seconds=200)
        there = [name for name, pod in release.pods().items() if pod["spec"].get("nodeName") == machine]
        if there:
            raise Trouble(f"{machine} is drained, and has {there}")
    finally:
        release.cluster.kubectl("uncordon", machine)
    release.await_ready(3)


def upgrade(release, test):
    """a rolling upgrade to another image"""
    release.helm("upgrade", NAME, CHART, "--reuse-values", *image_values(test.next_image), "--wait", "--timeout", "400s", seconds=420)
    release.kubectl("rollout", "status", f"statefulset/{NAME}", "--timeout=400s", seconds=420)
    images = {pod["spec"]["containers"][0]["image"] for pod in release.pods().values()}
    if images != {test.next_image}:
        raise Trouble(f"upgraded to {test.next_image}, and there is {images}")


def scale_up(release, _test):
    """3 to 5 replicas; the new nodes take their share"""
    release.kubectl("scale", f"statefulset/{NAME}", "--replicas=5")
    release.await_ready(5)

    def shared():
        nodes = release.status()["nodes"]
        fewest = min(node["replicas"] for node in nodes)
        # The catalog is on every node; whoever has more has a share.
        return len(nodes) == 5 and all(node["ready"] for node in nodes) and fewest > 1

    until("each of five nodes has replicas of queues", shared, 180)


def scale_down(release, _test):
    """5 to 3 replicas; the nodes empty themselves and leave"""
    if len(release.pods()) != 5:
        release.kubectl("scale", f"statefulset/{NAME}", "--replicas=5")
        release.await_ready(5)
    release.kubectl("scale", f"statefulset/{NAME}", "--replicas=3")
    release.await_ready(3, seconds=600)

    def left():
        status = release.status()
        members = {node["id"] for node in status["nodes"]}
        replicas = {node for group in status["groups"] for node in group["replicas"]}
        return len(members) == 3 and replicas <= members

    until("the cluster has three members, and no replica elsewhere", left, 60)


SCENARIOS = {
    "kill": kill,
    "partition": partition,
    "drain": drain,
    "upgrade": upgrade,
    "scale-up": scale_up,
    "scale-down": scale_down,
}

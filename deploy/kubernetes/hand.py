"""A hand inside a machine of the cluster: a privileged pod that kills processes and takes network links down. This is how faults
are made with nothing but kubectl; the cluster must allow privileged pods in the namespace of the test's own."""

from cluster import Trouble, until

NAMESPACE = "millrace-test-hands"

KILL = """
for process in /proc/[0-9]*; do
    [ "$(cat $process/comm 2>/dev/null)" = millrace ] || continue
    if grep -q -e "$1" -e "$(echo "$1" | tr - _)" $process/cgroup 2>/dev/null; then
        kill -9 "${process#/proc/}" && echo killed
    fi
done
"""

# Taking a link down takes its routes away; they are put back with it. Nobody can reach this shell meanwhile.
PARTITION = """
link=$(ip route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)
ip route show | grep "dev $link" | grep -v 'scope link' > /tmp/routes
(
    trap '' HUP
    sleep 1
    ip link set "$link" down
    sleep "$1"
    ip link set "$link" up
    while read -r route; do ip route replace $route; done < /tmp/routes
) </dev/null >/tmp/partition.log 2>&1 &
echo "partitioning $link"
"""


class Hand:
    """In one machine."""

    def __init__(self, cluster, image, machine):
        self.cluster, self.name = cluster, f"hand-{machine}"
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "nodeName": machine,
                "hostPID": True,
                "hostNetwork": True,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 0,
                "tolerations": [{"operator": "Exists"}],
                "containers": [
                    {
                        "name": "hand",
                        "image": image,
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["sh", "-c", "sleep 100000"],
                        "securityContext": {"privileged": True},
                    }
                ],
            },
        }
        cluster.apply(namespace)
        cluster.apply(pod)
        cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{self.name}", "--timeout=60s")

    def run(self, script, *arguments):
        return self.cluster.kubectl("-n", NAMESPACE, "exec", self.name, "--", "sh", "-c", script, "sh", *arguments)

    def kill(self, pod):
        """SIGKILL for the process of a container."""
        if "killed" not in self.run(KILL, pod["metadata"]["uid"]):
            raise Trouble(f"no process of {pod['metadata']['name']} was found")

    def partition(self, seconds):
        """Cuts the machine off for so long. Returns when it has begun."""
        self.run(PARTITION, str(seconds))

    def withdraw(self):
        self.cluster.kubectl("-n", NAMESPACE, "delete", "pod", self.name, "--now", "--wait=false")
        until(f"{self.name} is gone", lambda: self.name not in self.cluster.kubectl("-n", NAMESPACE, "get", "pods"), 120)


def remove_hands(cluster):
    """Takes their namespace away."""
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=60s", check=False)

"""The load: a pod with the recording client, and one run of it for each scenario."""

import json
import pathlib
import subprocess
import threading

from cluster import Trouble, until

CLIENT = pathlib.Path(__file__).with_name("client.py")
POD = "recording-client"
# If all goes well a few seconds; this is the client's own patience with queues that do not answer, one after the other.
REPORT_SECONDS = 600


def start_pod(cluster, namespace, image, machine):
    """Puts the client's pod on a machine that no scenario touches."""
    script = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": POD, "namespace": namespace},
        "data": {"client.py": CLIENT.read_text()},
    }
    container = {
        "name": "client",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", "import signal; signal.pause()"],
        "volumeMounts": [{"name": "script", "mountPath": "/client"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": namespace},
        "spec": {
            "nodeName": machine,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "script", "configMap": {"name": POD}}],
        },
    }
    cluster.apply(script, pod)
    cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{POD}", "--timeout=90s")


class Recording:
    """One run of the client. As a context manager it ends in any case."""

    def __init__(self, cluster, namespace, host, port, prefix):
        client = ["python3", "/client/client.py", "--host", host, "--port", port, "--prefix", prefix]
        command = [*cluster.kubectl_command, "-n", namespace, "exec", "-i", POD, "--", *client]
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.sent, self.report, self.draining = [], None, None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if said["kind"] == "progress":
                self.sent = said["sent"]
            elif said["kind"] == "report":
                self.report = said

    def __enter__(self):
        self.more(100)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def more(self, count, seconds=120):
        """Waits until each queue has taken so many more messages."""
        before = self.sent or [0]

        def reached():
            if self.process.poll() is not None:
                raise Trouble("the recording client ended")
            base = before if len(before) == len(self.sent) else [0] * len(self.sent)
            return self.sent and all(now - then >= count for now, then in zip(self.sent, base))

        until(f"each queue takes {count} more messages", reached, seconds)

    def finish(self):
        """Ends the sending, and gives the report once everything sent has been received, or is lost."""
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        until("the client's report", lambda: self.report or self.process.poll() is not None, REPORT_SECONDS)
        self.reader.join(10)
        if self.report is None:
            raise Trouble("the recording client ended without a report")
        return self.report

"""A cluster of three processes of `millrace server` on loopback, and a load balancer before them, as production has one."""

import json
import os
import pathlib
import signal
import sys
import urllib.error
import urllib.request

from harness.ports import Ports
from harness.trouble import Trouble, until

SIZE = 3
READY_SECONDS = 60
PROBE_SECONDS = 2
BALANCER = pathlib.Path(__file__).resolve().parent / "balancer.py"


class Node:
    def __init__(self, number, ports):
        self.number, self.process = number, None
        self.api, self.peer, self.admin = (f"127.0.0.1:{ports.take()}" for _ in range(3))

    def is_ready(self):
        if not self.process.runs():
            raise Trouble(f"node {self.number} ended")
        return self.ask("/health/ready") is not None

    def ask(self, path):
        """What the admin port answers, or None if it does not."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{self.admin}{path}", timeout=PROBE_SECONDS) as answer:
                return answer.read()
        except (urllib.error.URLError, OSError):
            return None


class Cluster:
    """Starts it and waits until all nodes take requests."""

    def __init__(self, stage):
        self.stage, self.ports = stage, Ports()
        self.nodes = [Node(number, self.ports) for number in range(1, SIZE + 1)]
        for node in self.nodes:
            self.start(node)
        for node in self.nodes:
            self.await_ready(node)
        self.listen = f"127.0.0.1:{self.ports.take()}"
        apis = [node.api for node in self.nodes]
        stage.process("balancer", [sys.executable, BALANCER, self.listen, *apis])

    def start(self, node):
        """Starts a node, also again on what it has on disk."""
        command = [self.stage.millrace, "server", "--node-id", node.number]
        command += ["--data-dir", self.stage.folder / f"node-{node.number}", "--advertise", "127.0.0.1"]
        command += ["--listen", node.api, "--peer-listen", node.peer, "--admin-listen", node.admin]
        command += ["--seeds", ",".join(each.peer for each in self.nodes), "--bootstrap-expect", SIZE]
        node.process = self.stage.process(f"node-{node.number}", command)

    def await_ready(self, node):
        until(f"node {node.number} takes requests", node.is_ready, READY_SECONDS)

    def leader_of(self, queue):
        """The node that leads the queue's first partition, as any running node sees it."""
        return until(f"a leader of {queue}", lambda: self.find_leader(queue), READY_SECONDS)

    def find_leader(self, queue):
        running = {node.number: node for node in self.nodes if node.process.runs()}
        for node in running.values():
            status = json.loads(node.ask("/status") or "{}")
            for replica in status.get("replicas", []):
                # For a while after a death, some still name the dead.
                if (replica["queue"] or "").split("/")[-1] == queue and replica["leader"] in running:
                    return running[replica["leader"]]
        return None

    def kill(self, node):
        """SIGKILL: no buffer of its own gets written."""
        if not node.process.runs():
            raise Trouble(f"node {node.number} ended by itself")
        node.process.send(signal.SIGKILL)
        node.process.wait(PROBE_SECONDS)

    def environment(self, **more):
        """What an application finds its endpoint and its credentials by; nothing of this user's own settings for AWS."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return ours | more | {
            "AWS_ENDPOINT_URL": f"http://{self.listen}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }

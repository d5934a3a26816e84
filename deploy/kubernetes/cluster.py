"""The Kubernetes under test, by kubectl and helm alone; and one that scripts in a folder start on this machine."""

import json
import os
import pathlib
import subprocess
import time


class Trouble(Exception):
    """Something that should have worked did not."""


class Cluster:
    """The cluster that kubectl's current context names."""

    kubectl_command = ["kubectl"]
    helm_command = ["helm"]
    # How a program is started that calls kubectl itself.
    inside = []

    def kubectl(self, *arguments, input=None, check=True, seconds=120):
        return run([*self.kubectl_command, *arguments], input, check, seconds)

    def helm(self, *arguments, check=True, seconds=300):
        return run([*self.helm_command, *arguments], None, check, seconds)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def apply(self, *objects):
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", input=json.dumps(listed))

    def start(self):
        """Nothing to do: it runs."""

    def stop(self):
        """It is not ours."""

    def load(self, archive):
        raise Trouble(f"{archive} cannot be loaded into this cluster: name images that it can pull")


class LocalCluster(Cluster):
    """A cluster that `k8s-up.sh` in a folder starts on this machine, and `k8s-down.sh` ends."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.ours = False
        config = self.folder / "run/pki/admin.conf"
        inside = ["nsenter", "--net=/run/netns/kcp"]
        path = f"PATH={self.folder}/bin:{os.environ['PATH']}"
        self.inside = [*inside, "env", f"KUBECONFIG={config}", path]
        self.kubectl_command = [*inside, self.folder / "bin/kubectl", f"--kubeconfig={config}"]
        homes = [f"HELM_{kind}_HOME={self.folder}/run/helm" for kind in ("CACHE", "CONFIG", "DATA")]
        self.helm_command = [*inside, "env", f"KUBECONFIG={config}", *homes, self.folder / "bin/helm"]

    def script(self, name, *arguments, seconds):
        environment = os.environ | {"K8S_DIR": str(self.folder)}
        return run([self.folder / name, *arguments], None, True, seconds, environment)

    def start(self):
        if not pathlib.Path("/run/netns/kcp").exists():
            self.ours = True
            self.script("k8s-up.sh", seconds=300)

    def stop(self):
        if self.ours:
            self.script("k8s-down.sh", seconds=300)

    def load(self, archive):
        self.script("k8s-load.sh", archive, seconds=300)


def run(command, input, check, seconds, environment=None):
    """What the command printed. Its failure is one only if `check` is set."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, input=input, capture_output=True, text=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{' '.join(words)}: not done after {seconds} s") from None
    if check and done.returncode != 0:
        raise Trouble(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def until(what, condition, seconds):
    """Asks again and again until `condition()` gives something true, which it returns."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := condition():
                return found
            failure = ""
        except Trouble as trouble:
            failure = f": {trouble}"
        if time.monotonic() > end:
            raise Trouble(f"not within {seconds} s: {what}{failure}")
        time.sleep(0.5)

"""The images of a test on a local Kubernetes, made on this machine: nothing is pulled."""

import pathlib
import subprocess
import tempfile

import python_image

ASSEMBLE = pathlib.Path(__file__).resolve().parent.parent / "image/assemble.py"


def load(cluster, options):
    """Makes and loads the two images of Millrace, and the client's. The second one differs by a label: what an
    upgrade does to the pods is the same."""
    options.client_image = "docker.io/library/millrace-test-python:1"
    # The scripts' own image with busybox.
    options.hand_image = "docker.io/local/busybox:1"
    with tempfile.TemporaryDirectory() as folder:
        archive = pathlib.Path(folder) / "image.tar"
        for image, generation in [(options.image, 1), (options.next_image, 2)]:
            label = f"millrace.test/generation={generation}"
            subprocess.run([ASSEMBLE, options.binary, archive, "--tag", image, "--label", label], check=True)
            cluster.load(archive)
        python_image.make(archive, options.client_image)
        cluster.load(archive)

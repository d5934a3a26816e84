"""Packages of Debian: installed if we may, named if we may not."""

import os
import shutil
import subprocess

from harness.trouble import Trouble


def install(why, *packages):
    """Installs packages. Who is not root is told what to type."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Trouble(f"{why}; as root: {' '.join(command)}")
    print(f"{why}: installing {', '.join(packages)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["apt-get", "update"], command):
        done = subprocess.run(words, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")

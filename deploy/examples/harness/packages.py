"""The Python packages that requirements.txt pins, in a virtual environment outside of the clone.

It is kept in XDG_CACHE_HOME or ~/.cache and made once for each state of the requirements and each Python.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

from harness import debian
from harness.trouble import Trouble

REQUIREMENTS = pathlib.Path(__file__).resolve().parent.parent / "requirements.txt"


def enter():
    """Goes on in the virtual environment: begins this program anew with its Python, unless it runs there already."""
    folder = environment()
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    python = folder / "bin/python"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.execv(python, [str(python), *sys.argv])


def environment():
    """Where the virtual environment is; makes it if need be. Another process that does the same is waited for."""
    wanted = REQUIREMENTS.read_text()
    version = ".".join(map(str, sys.version_info[:3]))
    name = f"python-{version}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "millrace-examples"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    # Written last, so that a half-finished installation never counts.
    stamp = folder / "installed.txt"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # The environment's Python is a link to the machine's, which may be gone by now.
        if not (stamp.exists() and (folder / "bin/python").exists()):
            make(folder)
            stamp.write_text(wanted)
    return folder


def make(folder):
    shutil.rmtree(folder, ignore_errors=True)
    print(f"installing the packages of {REQUIREMENTS.name} into {folder}", flush=True)
    create = [sys.executable, "-m", "venv", str(folder)]
    if run(create).returncode != 0:
        # Debian has what makes virtual environments in a package of its own.
        shutil.rmtree(folder, ignore_errors=True)
        debian.install("Python cannot make virtual environments", "python3-venv")
        demand(create)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    demand([*pip, "--requirement", str(REQUIREMENTS)])


def run(command):
    return subprocess.run(command, capture_output=True, text=True)


def demand(command):
    done = run(command)
    if done.returncode != 0:
        raise Trouble(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")

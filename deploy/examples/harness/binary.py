"""The program `millrace`: the one that was named, or the one that cargo builds from this clone."""

import json
import os
import pathlib
import shutil
import subprocess

from harness.trouble import Trouble

CLONE = pathlib.Path(__file__).resolve().parents[3]


def find(named):
    """The path of the binary; builds it if none was named."""
    if named is not None:
        path = pathlib.Path(named).resolve()
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise Trouble(f"{named} is no program")
        return path
    if shutil.which("cargo") is None:
        raise Trouble("cargo was not found: install Rust, or name a binary of Millrace with --binary")
    print("building millrace (some minutes, the first time)", flush=True)
    built = subprocess.run(["cargo", "build", "--release", "--locked", "--package", "node"], cwd=CLONE)
    if built.returncode != 0:
        raise Trouble("cargo could not build millrace")
    described = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"], cwd=CLONE, stdout=subprocess.PIPE, check=True
    )
    return pathlib.Path(json.loads(described.stdout)["target_directory"]) / "release/millrace"

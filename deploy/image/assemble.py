#!/usr/bin/env python3
"""Writes the image from a binary that is already built, without a container engine, for tests.

    assemble.py BINARY OUT.tar [--tag NAME:TAG] [--label KEY=VALUE]

The file system comes from `rootfs`, as it does in the Dockerfile, and everything else (user, entry point, health check,
labels) is read from the Dockerfile's last stage. The result is what `docker save` would write; `docker load` and
`ctr images import` read it.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

from archive import write_archive
from dockerfile import last_stage

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tag", default="docker.io/library/millrace:dev")
    parser.add_argument("--label", action="append", default=[], help="one more label, KEY=VALUE")
    arguments = parser.parse_args()
    config = last_stage(HERE.parent / "Dockerfile")
    for label in arguments.label:
        key, _, value = label.partition("=")
        config["Labels"][key] = value
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "rootfs"
        subprocess.run([HERE / "rootfs", arguments.binary, root], check=True)
        write_archive(arguments.out, arguments.tag, root, config)
    print(f"{arguments.out}: {arguments.tag}, {arguments.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    if shutil.which("strip") is None:
        sys.exit("strip is missing: install binutils")
    main()

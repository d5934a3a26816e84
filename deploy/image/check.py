#!/usr/bin/env python3
"""Checks an image archive: check.py IMAGE.tar. Its size, its user, that there is no shell in it, that the binary runs in it."""

import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

SIZE_MAX = 60_000_000
# All that may be executable.
PROGRAMS = re.compile(r"millrace|lib(64)?/([\w-]+/)?(ld-linux[\w.-]*|lib(c|m|gcc_s)\.so\.[0-9]+)")


def main():
    path = pathlib.Path(sys.argv[1])
    assert path.stat().st_size < SIZE_MAX, f"{path.stat().st_size} bytes; less than {SIZE_MAX} are allowed"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        config = unpack(path, root)
        check_config(config)
        check_files(root)
        check_binary(root)
    print(f"{path.stat().st_size / 1e6:.1f} MB, user {config['User']}, nothing to run but millrace")


def unpack(path, root):
    """The configuration; the files go under `root`."""
    with tarfile.open(path) as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json"))
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                files.extractall(root, filter="tar") if hasattr(tarfile, "tar_filter") else files.extractall(root)
        return json.load(archive.extractfile(manifest["Config"]))["config"]


def check_config(config):
    user = config["User"].split(":")[0]
    assert user.isdigit() and int(user) > 0, f"the user is {config['User']!r}, and must be a number that is not root's"
    assert config["Entrypoint"] == ["/millrace"], config["Entrypoint"]
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "/millrace"], config["Healthcheck"]
    for label in ("title", "description", "licenses", "version", "revision"):
        assert config["Labels"].get(f"org.opencontainers.image.{label}"), f"no label for the {label}"


def check_files(root):
    files = [path for path in root.rglob("*") if path.is_file() or path.is_symlink()]
    names = {path: str(path.relative_to(root)) for path in files}
    programs = [names[path] for path in files if path.is_symlink() or path.stat().st_mode & 0o111]
    strange = [name for name in programs if not PROGRAMS.fullmatch(name)]
    assert not strange, f"there is more to run than millrace: {strange}"
    assert "millrace" in programs, programs
    foreign = [names[path] for path in files if path.stat().st_mode & 0o6000]
    assert not foreign, f"set-user-id files: {foreign}"


def check_binary(root):
    """Where nothing else is. Without root's rights, a user namespace gives the right to change the root."""
    listed = subprocess.run(["unshare", "--map-root-user", "chroot", root, "/millrace", "--version"], capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.startswith("millrace "), listed.stdout
    sections = subprocess.run(["readelf", "--sections", "--wide", root / "millrace"], capture_output=True, text=True, check=True)
    assert ".debug_info" not in sections.stdout, "the binary has debug information"


main()

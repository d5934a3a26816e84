"""An image with the Python of this machine and nothing else, for clusters that cannot pull one."""

import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "image"))
from archive import write_archive  # noqa: E402

# Of the library, what no program here needs and what takes most of the room.
LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "ensurepip", "site-packages", "dist-packages", "__pycache__",
                                  "config-*", "turtledemo", "lib2to3", "*.a")


def make(out, tag):
    """Writes the archive `out`. In the image, Python is /python3."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        binary = pathlib.Path(sys.executable).resolve()
        library = pathlib.Path(sysconfig.get_paths()["stdlib"])
        shutil.copytree(library, root / str(library).lstrip("/"), ignore=LEFT_OUT)
        modules = sorted((root / str(library).lstrip("/")).rglob("*.so"))
        for shared in libraries([binary, *modules]):
            target = root / shared.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(shared, target)
        target = root / str(binary).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(binary, target)
        (root / "python3").symlink_to(binary)
        (root / "tmp").mkdir(exist_ok=True)
        config = {"Env": ["PATH=/", f"PYTHONHOME={sysconfig.get_config_var('prefix')}"], "Entrypoint": ["/python3"]}
        write_archive(out, tag, root, config)


def libraries(binaries):
    """The shared libraries that these need, where they can be found. A module whose libraries are not there is not used either."""
    found = set()
    for binary in binaries:
        listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True).stdout
        found |= set(re.findall(r"(/\S+) \(0x", listed))
    return sorted(found)

"""Loopback ports that stay ours for the length of a run, also while no process listens on them.

They lie below the kernel's range for outgoing connections, where the port of a node that is down could become somebody's
source port. A locked file for each block keeps other runs away, and the tests in node/tests, which do the same.
"""

import fcntl
import os
import pathlib
import socket
import tempfile

from harness.trouble import Trouble

BLOCK = 32
LOWEST = 12_000
# Where the range for outgoing connections begins unless the kernel says otherwise.
EPHEMERAL_DEFAULT = 32_768


class Ports:
    """A block of ports, handed out one after the other. They are free for others when the process ends."""

    def __init__(self):
        folder = lock_folder()
        blocks = (max(ephemeral_start(), LOWEST + BLOCK) - LOWEST) // BLOCK
        for i in range(blocks):
            first = LOWEST + (os.getpid() + i) % blocks * BLOCK
            self.lock = lock(folder / f"{first}.lock")
            if self.lock and all(is_free(port) for port in range(first, first + BLOCK)):
                self.left = iter(range(first, first + BLOCK))
                return
        raise Trouble("no free block of ports on loopback")

    def take(self):
        return next(self.left)


def lock_folder():
    """Where the locked files are. If another user made the folder, we have one of our own."""
    shared = pathlib.Path(tempfile.gettempdir()) / "millrace-test-ports"
    for folder in (shared, shared.with_name(f"{shared.name}-{os.getuid()}")):
        folder.mkdir(exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    raise Trouble(f"{folder} belongs to somebody else")


def lock(path):
    """The locked file, or None if another has it. The lock ends when the file is closed."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except BlockingIOError:
        file.close()
        return None


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def ephemeral_start():
    try:
        return int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return EPHEMERAL_DEFAULT

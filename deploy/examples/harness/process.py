"""A process that an example started: what it says, and how it ends.

Its standard output goes to NAME.out and its standard error to NAME.err in the run's folder. The applications write one JSON
object a line to standard output for each thing that happened; `events` reads them.
"""

import json
import os
import shutil
import signal
import subprocess

from harness.trouble import Trouble, until

STOP_SECONDS = 30


class Process:
    """Runs in a session of its own, so that its number is also that of the group of all that it starts."""

    def __init__(self, name, command, folder, environment=None, user=None, ending=signal.SIGKILL):
        self.name, self.ending = name, ending
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        self.read_bytes = 0
        rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.child = subprocess.Popen(
                [*end_with_us(), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd="/" if user else None,
                start_new_session=True,
                **rights,
            )

    def runs(self):
        """Whether it has not ended. One that has keeps its number until `kill`, so that no other process can get it."""
        if self.child.returncode is not None:
            return False
        return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def send(self, number):
        if self.runs():
            os.kill(self.child.pid, number)

    def kill(self):
        """SIGKILL for it and for what it started, if there is anything left; how it ended."""
        if self.child.returncode is None:
            try:
                os.killpg(self.child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.child.wait()
        return self.child.returncode

    def end(self):
        """Ends it as it wants to be ended at the end of a run."""
        try:
            self.stop(self.ending)
        except Trouble:
            # It has been killed then.
            pass

    def stop(self, number=signal.SIGTERM):
        """Asks it to end, waits until it has, and gives its exit code; one that does not end is killed."""
        self.send(number)
        try:
            return self.wait(STOP_SECONDS)
        except Trouble:
            self.kill()
            raise

    def wait(self, seconds):
        """Its exit code, once it has ended by itself."""
        until(f"the end of {self.name}", lambda: not self.runs(), seconds)
        return self.kill()

    def events(self):
        """The events that it has told since the last time."""
        with self.out.open("rb") as out:
            out.seek(self.read_bytes)
            # A line that is being written comes with the next call.
            whole, newline, _ = out.read().rpartition(b"\n")
        self.read_bytes += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]

    def tail(self, lines=15):
        return "\n".join(self.err.read_text(errors="replace").splitlines()[-lines:])


def end_with_us():
    """What to put before a command so that the kernel ends it when this program ends, be it by SIGKILL."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []

"""One run of an example: its options, its folder, its processes, and their end, whatever ends the run.

Exit codes: 0 the example proved what it claims, 1 it did not, 2 it could not be played, 128 and the signal's number if interrupted.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import tempfile

from harness import binary
from harness.cluster import Cluster
from harness.process import Process
from harness.trouble import Trouble

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(description, breakages, story):
    """Plays `story(stage)`, which gives the exit code. `breakages` are the names that --break takes."""
    options = parse(description, breakages)
    for ending in ENDINGS:
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    stage = Stage(options)
    try:
        stage.millrace = binary.find(options.binary)
        return story(stage)
    except Trouble as trouble:
        print(f"\nNOT PLAYED: {trouble}", flush=True)
        stage.tell_errors()
        return 2
    finally:
        stage.clean_up()


def parse(description, breakages):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="this program `millrace` instead of one that cargo builds")
    parser.add_argument("--break", dest="breakage", choices=breakages, help="make this mistake, so that the claims fail")
    parser.add_argument("--keep", action="store_true", help="keep the folder with data and logs")
    return parser.parse_args()


class Stage:
    def __init__(self, options):
        self.breakage, self.keep = options.breakage, options.keep
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-example-"))
        self.folders, self.processes = [self.folder], []

    def cluster(self):
        return Cluster(self)

    def process(self, name, command, environment=None, **more):
        """Starts a process that ends with the run."""
        process = Process(name, command, self.folder, environment, **more)
        self.processes.append(process)
        return process

    def own_folder(self, name, user=None):
        """A folder that goes with the run; another user's if there is one."""
        if user is None:
            path = self.folder / name
            path.mkdir()
            return path
        # The run's own folder is closed to others.
        path = pathlib.Path(tempfile.mkdtemp(prefix=f"millrace-example-{name}-"))
        self.folders.append(path)
        os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def tell_errors(self):
        # A node that was started again goes on in the same files.
        for process in {process.name: process for process in self.processes}.values():
            if tail := process.tail():
                print(f"--- the end of what {process.name} said ---\n{tail}", flush=True)

    def clean_up(self):
        """Ends everything and deletes everything. Another interruption does not stop that."""
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        for process in reversed(self.processes):
            process.end()
        if self.keep:
            print(f"data and logs are in {', '.join(map(str, self.folders))}", flush=True)
            return
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)
            if folder.exists():
                print(f"could not delete {folder}", flush=True)

"""The front end's table of jobs, one file for each: what is known of a job survives the front end.

Reports come in any order, and some come twice. A state therefore only gives way to a later one.
"""

import json
import os
import pathlib
import re
import threading

# `done` comes after `failed`: a result that is there is one, even if its message was taken for a dead letter meanwhile.
ORDER = ["queued", "working", "failed", "done"]
NAME = re.compile(r"[0-9a-f-]{36}")


class Jobs:
    def __init__(self, folder):
        self.folder, self.lock = pathlib.Path(folder), threading.Lock()
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, job):
        with self.lock:
            return self.write({"id": job, "state": "queued"})

    def get(self, job):
        """What is known of a job, or None if nothing is."""
        try:
            return json.loads(self.path(job).read_text()) if NAME.fullmatch(job) else None
        except FileNotFoundError:
            return None

    def update(self, job, state, **more):
        """Takes a report in. One about a job that nobody knows means nothing."""
        with self.lock:
            known = self.get(job)
            if known and ORDER.index(state) >= ORDER.index(known["state"]):
                self.write(known | more | {"state": state})

    def remove(self, job):
        with self.lock:
            self.path(job).unlink(missing_ok=True)

    def write(self, record):
        path = self.path(record["id"])
        fresh = path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        return record

    def path(self, job):
        return self.folder / f"{job}.json"

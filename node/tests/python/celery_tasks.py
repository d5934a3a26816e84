"""The application that Celery's workers and their caller share.

The environment says where: `BROKER` is the node's URL for this process, `QUEUE` and `FIFO_QUEUE` are names,
`FOLDER` holds results and the journal, in which tasks write down what happens to them.
"""

import json
import os
import time
from pathlib import Path

from celery import Celery

FOLDER = Path(os.environ["FOLDER"])
JOURNAL = FOLDER / "journal"
# Far longer than any countdown: a worker holds a message until its time has come, also on a busy machine.
VISIBILITY_S = 15
STUCK_S = 600

app = Celery("checks", broker=os.environ["BROKER"], backend=(FOLDER / "results").as_uri())
app.conf.update(
    task_default_queue=os.environ["QUEUE"],
    broker_transport_options={
        "region": "us-east-1",
        "visibility_timeout": VISIBILITY_S,
        "wait_time_seconds": 5,
        "polling_interval": 0.1,
    },
    broker_connection_retry_on_startup=True,
    # What these need of a broker, messages to all workers, is SNS's.
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)


def note(task, **more):
    """Adds a line to the journal; short appends of several processes do not mix."""
    line = {"task": task.name.rsplit(".", 1)[1], "id": task.request.id, "at": time.time(), "pid": os.getpid(), **more}
    with JOURNAL.open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(line) + "\n")


def journal(task=None):
    """The lines so far, all or those of one task's id."""
    lines = JOURNAL.read_text(encoding="utf-8").splitlines() if JOURNAL.exists() else []
    return [line for line in map(json.loads, lines) if task is None or line["id"] == task]


@app.task(bind=True)
def echo(self, value):
    """Gives back what it got."""
    note(self, value=value)
    return value


@app.task(bind=True, max_retries=2)
def fails_twice(self):
    """Succeeds at the third try."""
    note(self, retries=self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=1, exc=ValueError("not yet"))
    return self.request.retries


@app.task(bind=True)
def fails(self):
    """Never succeeds."""
    note(self)
    raise ValueError("as expected")


@app.task(bind=True, acks_late=True)
def outlives_its_worker(self):
    """Gets stuck in the first worker that takes it."""
    first = not journal(self.request.id)
    note(self)
    if first:
        time.sleep(STUCK_S)
    return os.getpid()

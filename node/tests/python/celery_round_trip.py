#!/usr/bin/env python3
"""Celery with its SQS transport: tasks from a caller on one node through workers on other nodes.

    celery_round_trip.py URL [URL ...]

The transport sends with boto3 and receives with a client of its own, which is built on libcurl.
"""

import datetime
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import cluster as nodes

LIMIT_S = 60
STOP_LIMIT_S = 30
LOG_LINES = 60
SCRIPTS = Path(__file__).parent


def broker(endpoint):
    return f"sqs://test:test@{urlsplit(endpoint).netloc}"


class Worker:
    """A worker in a process group of its own, killed at the end at the latest."""

    def __init__(self, folder, endpoint, queue, *flags):
        self._log = folder / f"worker-{uuid.uuid4().hex[:6]}.log"
        celery = [sys.executable, "-m", "celery", "--app", "celery_tasks", "worker", "--queues", queue]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*celery, *quiet, *flags],
                cwd=SCRIPTS,
                env={**os.environ, "BROKER": broker(endpoint)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        self.kill()
        if failure:
            log = self._log.read_text(errors="replace").splitlines()
            print(f"--- the end of {self._log.name} ---", *log[-LOG_LINES:], sep="\n", flush=True)

    def kill(self):
        """SIGKILL for it and its pool, as when a machine dies."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self):
        """SIGTERM, after which it finishes what it does and ends with success."""
        self._process.terminate()
        nodes.equal(self._process.wait(STOP_LIMIT_S), 0, "exit code of a worker")


def until(what, probe):
    """What the probe gives as soon as it gives something."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := probe()):
        assert time.monotonic() < deadline, f"no {what} within {LIMIT_S} s"
        time.sleep(0.1)
    return found


def run(check, *arguments):
    began = time.monotonic()
    check(*arguments)
    print(f"ok   {check.__name__} ({time.monotonic() - began:.1f} s): {check.__doc__}", flush=True)


def values_come_back(tasks):
    """what a task is given comes back, whatever it is"""
    values = [1, "Grüße, 世界 🦀 <&>", {"nested": [None, True, 1.5]}, "x" * 200_000, *range(20)]
    results = [tasks.echo.delay(value) for value in values]
    nodes.equal([result.get(timeout=LIMIT_S) for result in results], values, "results")


def failures_come_back(tasks):
    """a task that fails does so once, and its caller gets the exception"""
    result = tasks.fails.delay()
    result.get(timeout=LIMIT_S, propagate=False)
    nodes.equal(repr(result.result), repr(ValueError("as expected")), "result")
    nodes.equal(len(tasks.journal(result.id)), 1, "runs")


def retries_wait_their_countdown(tasks):
    """a task that fails is sent again, with a countdown"""
    result = tasks.fails_twice.delay()
    nodes.equal(result.get(timeout=LIMIT_S), 2, "retries")
    runs = tasks.journal(result.id)
    nodes.equal([run["retries"] for run in runs], [0, 1, 2], "retries of the runs")
    gaps = [after["at"] - before["at"] for before, after in zip(runs, runs[1:])]
    assert all(gap >= 1 for gap in gaps), f"a countdown of 1 s took {gaps} s"


def no_task_runs_before_its_time(tasks):
    """a task with an ETA runs after it, and others meanwhile"""
    eta = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=4)
    late = tasks.echo.apply_async(["late"], eta=eta)
    soon = tasks.echo.delay("soon")
    nodes.equal([late.get(timeout=LIMIT_S), soon.get(timeout=LIMIT_S)], ["late", "soon"], "results")
    [run] = tasks.journal(late.id)
    assert run["at"] >= eta.timestamp(), f"{eta.timestamp() - run['at']} s too early"
    assert tasks.journal(soon.id)[0]["at"] < run["at"], "the task without an ETA waited for the one with it"


def a_killed_workers_task_runs_again(tasks, victim, heir):
    """a task that was not acknowledged goes to another worker once its message is visible again"""
    sent = time.time()
    result = tasks.outlives_its_worker.delay()
    [first] = until("start of the task", lambda: tasks.journal(result.id))
    victim.kill()
    with heir() as worker:
        result.get(timeout=LIMIT_S)
        runs = tasks.journal(result.id)
        nodes.equal(len(runs), 2, "runs")
        nodes.equal((runs[0], runs[1]["pid"] != first["pid"]), (first, True), "first run, other process")
        waited = runs[1]["at"] - sent
        assert waited >= tasks.VISIBILITY_S, f"visible again after {waited} s already"
        run(a_fifo_queue_keeps_the_order, tasks)
        worker.stop()


def a_fifo_queue_keeps_the_order(tasks):
    """tasks in a FIFO queue run in the order of their calls, with a worker that does one at a time"""
    values = [f"ordered {i}" for i in range(12)]
    results = [tasks.echo.apply_async([value], queue=os.environ["FIFO_QUEUE"]) for value in values]
    for result in results:
        result.get(timeout=LIMIT_S)
    ids = {result.id for result in results}
    nodes.equal([run["value"] for run in tasks.journal() if run["id"] in ids], values, "order")


def nothing_is_left(sqs, queues):
    """every message was deleted by the worker that ran its task to its end"""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def left(queue):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return any(found[name] != "0" for name in names)

    for queue in queues:
        nodes.equal(left(queue), False, f"messages left in {queue}")


def main(endpoints):
    node = lambda n: endpoints[n % len(endpoints)]  # noqa: E731
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "results").mkdir()
        queue = f"celery-{uuid.uuid4().hex[:8]}"
        settings = {"BROKER": broker(node(0)), "QUEUE": queue, "FIFO_QUEUE": f"{queue}.fifo", "FOLDER": name}
        # Read when the tasks are imported, here and in the workers.
        os.environ.update(settings, AWS_DEFAULT_REGION="us-east-1")
        import celery_tasks as tasks

        heir = lambda: Worker(folder, node(2), f"{queue},{queue}.fifo", "--pool", "solo")  # noqa: E731
        with Worker(folder, node(1), queue, "--pool", "prefork", "--concurrency", "2") as worker:
            run(values_come_back, tasks)
            run(failures_come_back, tasks)
            run(retries_wait_their_countdown, tasks)
            run(no_task_runs_before_its_time, tasks)
            run(a_killed_workers_task_runs_again, tasks, worker, heir)
        run(nothing_is_left, nodes.client(node(0)), [queue, f"{queue}.fifo"])
    print("Celery is served")


if __name__ == "__main__":
    main(sys.argv[1:])

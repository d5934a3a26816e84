"""Has as many workers as the queue's depth asks for.

    autoscaler.py QUEUE_URL --min N --max N --jobs-per-worker N -- COMMAND [ARGUMENT ...]

The command starts one worker, which is asked to stop by SIGTERM and then finishes its job. A worker that ended by itself is
replaced.
"""

import argparse
import math
import signal
import subprocess
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from events import tell

LOOK_S = 1
# A worker too many is kept for so many looks: a queue that empties for a moment is no reason to stop it.
PATIENCE_LOOKS = 5
# What waits, and what is being worked on.
DEPTH = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=20)


class Fleet:
    def __init__(self, options):
        self.options, self.workers, self.leaving, self.idle_looks = options, [], [], 0

    def adjust(self, depth):
        """Starts the workers that are missing; stops one at a time of those that are too many."""
        self.forget_ended()
        wanted = math.ceil(depth / self.options.jobs_per_worker)
        wanted = min(max(wanted, self.options.min), self.options.max)
        self.idle_looks = self.idle_looks + 1 if wanted < len(self.workers) else 0
        while len(self.workers) < wanted:
            self.workers.append(subprocess.Popen(self.options.command))
            self.tell("started", depth)
        if self.idle_looks > PATIENCE_LOOKS:
            self.leave(self.workers.pop())
            self.tell("stopped", depth)

    def forget_ended(self):
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            self.workers.remove(worker)
            tell("worker ended", pid=worker.pid, code=worker.returncode)
        self.leaving = [worker for worker in self.leaving if worker.poll() is None]

    def leave(self, worker):
        worker.terminate()
        self.leaving.append(worker)

    def stop(self):
        """Stops all workers, each after its job."""
        for worker in self.workers:
            self.leave(worker)
        for worker in self.leaving:
            worker.wait()

    def tell(self, what, depth):
        tell(f"worker {what}", workers=len(self.workers), depth=depth)


def depth_of(sqs, queue_url):
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=DEPTH)["Attributes"]
    return sum(int(attributes[name]) for name in DEPTH)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("queue_url")
    for name in ("--min", "--max", "--jobs-per-worker"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    sqs, fleet, stopping = boto3.client("sqs", config=CONFIG), Fleet(options), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    while not stopping.wait(LOOK_S):
        try:
            fleet.adjust(depth_of(sqs, options.queue_url))
        except (BotoCoreError, ClientError) as error:
            # Better as many as before than none.
            tell("queue away", error=str(error))
    fleet.stop()


if __name__ == "__main__":
    main()

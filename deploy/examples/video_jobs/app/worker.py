"""Takes one job after the other from the queue, processes its video and reports what came of it.

    worker.py JOBS_QUEUE_URL REPORTS_QUEUE_URL STORAGE_FOLDER

A job may be delivered twice, as when this process ends between its result and the delete. Its result is there already then, and is
reported again. A video that cannot be processed is left in the queue, which makes it a dead letter after some receives: so is one
that kills its workers, which could report nothing.
"""

import json
import os
import signal
import sys
import time
import uuid

import boto3
import video
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from events import tell
from heartbeat import Heartbeat, Lost
from processing import process
from storage import Storage

WAIT_S = 5
# A broken video is tried again soon.
BROKEN_S = 1
PAUSE_S = 4
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=WAIT_S + 20)


class Worker:
    def __init__(self, sqs, jobs_url, reports_url, storage):
        self.sqs, self.jobs_url, self.reports_url, self.storage = sqs, jobs_url, reports_url, storage
        self.stopping = False
        attributes = sqs.get_queue_attributes(QueueUrl=jobs_url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        self.visibility_s = int(attributes["VisibilityTimeout"])

    def run(self):
        while not self.stopping:
            try:
                for message in self.receive():
                    self.take(message)
            except (BotoCoreError, ClientError) as error:
                tell("queue away", error=str(error))
                time.sleep(PAUSE_S)

    def receive(self):
        # One at a time: what waits in here could not be taken by another worker.
        return self.sqs.receive_message(
            QueueUrl=self.jobs_url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])

    def take(self, message):
        try:
            job = str(uuid.UUID(json.loads(message["Body"])["job"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            tell("malformed", body=message["Body"], error=str(error))
            return
        attempt = int(message["Attributes"]["ApproximateReceiveCount"])
        tell("took", job=job, attempt=attempt, pid=os.getpid())
        self.report(job, "working", attempt=attempt)
        receipt = message["ReceiptHandle"]
        try:
            with Heartbeat(self.sqs, self.jobs_url, receipt, self.visibility_s) as heartbeat:
                result = self.result(job, heartbeat)
        except video.Broken as error:
            tell("broken", job=job, error=str(error))
            self.report(job, "working", attempt=attempt, error=str(error))
            self.sqs.change_message_visibility(QueueUrl=self.jobs_url, ReceiptHandle=receipt, VisibilityTimeout=BROKEN_S)
        except Lost:
            tell("lost", job=job)
        else:
            self.report(job, "done", result=result)
            self.sqs.delete_message(QueueUrl=self.jobs_url, ReceiptHandle=receipt)

    def result(self, job, heartbeat):
        """Makes the job's result, unless it is there."""
        if (folder := self.storage.result(job)) is None:
            begun = time.monotonic()
            with self.storage.new_result(job) as folder:
                process(self.storage.upload(job), folder, heartbeat.check)
            tell("made", job=job, took_s=round(time.monotonic() - begun, 2), beats=heartbeat.beats)
            folder = self.storage.result(job)
        return json.loads((folder / "result.json").read_text())

    def report(self, job, state, **more):
        self.sqs.send_message(QueueUrl=self.reports_url, MessageBody=json.dumps({"job": job, "state": state, **more}))

    def stop(self, *_):
        """Ends the worker after the job that it is at."""
        self.stopping = True


def main(make=Worker):
    jobs_url, reports_url, folder = sys.argv[1:]
    worker = make(boto3.client("sqs", config=CONFIG), jobs_url, reports_url, Storage(folder))
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()


if __name__ == "__main__":
    main()

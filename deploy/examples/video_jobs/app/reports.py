"""What the front end hears about its jobs: the workers' reports, and the dead letters.

A job whose message became a dead letter has failed, whoever noticed: perhaps no worker lived long enough to say so.
"""

import json
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError
from events import tell

WAIT_S = 10
PAUSE_S = 4
ATTRIBUTES = ["ApproximateReceiveCount", "DeadLetterQueueSourceArn"]


def listen(sqs, queue_url, take):
    """A thread that hands each message of a queue to `take`, and deletes it after that."""
    threading.Thread(target=run, args=[sqs, queue_url, take], daemon=True).start()


def run(sqs, queue_url, take):
    while True:
        try:
            reply = sqs.receive_message(
                QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_S, MessageSystemAttributeNames=ATTRIBUTES
            )
            for message in reply.get("Messages", []):
                hear(message, take)
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        except (BotoCoreError, ClientError, OSError) as error:
            # What was received comes again.
            tell("not heard", error=str(error))
            time.sleep(PAUSE_S)


def hear(message, take):
    try:
        take(message, json.loads(message["Body"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Nobody could do anything with it later, either.
        tell("malformed", body=message["Body"], error=str(error))


def take_report(jobs):
    """For the queue of reports."""

    def take(_, report):
        jobs.update(report.pop("job"), report.pop("state"), **report)

    return take


def take_dead_letter(jobs):
    """For the queue of dead letters. The upload stays where it is, for somebody to look at."""

    def take(message, letter):
        attributes = message["Attributes"]
        origin = {"queue": attributes["DeadLetterQueueSourceArn"], "receives": int(attributes["ApproximateReceiveCount"])}
        jobs.update(letter["job"], "failed", dead_letter=origin)

    return take

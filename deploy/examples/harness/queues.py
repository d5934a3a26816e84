"""Queues as an operator makes them and looks at them."""

import json
import time

import boto3
from botocore.config import Config

# Nothing of them is left in the queue when all are 0.
COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]


def client(cluster):
    """A client for the harness's own calls. The applications make theirs from the environment."""
    settings = cluster.environment()
    return boto3.client(
        "sqs",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name=settings["AWS_DEFAULT_REGION"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 5}, proxies={}),
    )


def create(sqs, name, visibility_seconds=30):
    attributes = {"VisibilityTimeout": str(visibility_seconds)}
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def create_with_dead_letters(sqs, name, visibility_seconds, receives_max):
    """The queue's URL and that of the queue that gets what was received too often."""
    dead = create(sqs, f"{name}-dead")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    queue = create(sqs, name, visibility_seconds)
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": receives_max})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": policy})
    return queue, dead


def depth(sqs, url):
    """All that is in the queue: visible, handed out, delayed."""
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(attributes[name]) for name in COUNTS)


def depth_soon(sqs, url, seconds=10):
    """As `depth`, but what is about to be deleted gets some time for it."""
    end = time.monotonic() + seconds
    while (left := depth(sqs, url)) and time.monotonic() < end:
        time.sleep(0.2)
    return left


def take_all(sqs, url):
    """The bodies of all messages that can be received; they are deleted."""
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        bodies += [message["Body"] for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies

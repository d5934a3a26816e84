#!/usr/bin/env python3
"""The AWS CLI as a person uses it: a FIFO queue with content-based deduplication.

    cli_smoke.py URL [URL ...]
"""

import json
import os
import subprocess
import sys
from pathlib import Path

AWS = Path(sys.executable).parent / "aws"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_PAGER": "",
}


def aws(endpoint, *arguments, fails_with=None):
    """Runs `aws sqs`; returns what it printed, as JSON."""
    command = [str(AWS), "--endpoint-url", endpoint, "--output", "json", "sqs", *arguments]
    print("$ aws", *command[1:], flush=True)
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    print(done.stdout, done.stderr, flush=True)
    if fails_with is not None:
        assert done.returncode != 0, "succeeded"
        assert fails_with in done.stderr, f"no {fails_with} in the error"
        return None
    assert done.returncode == 0, f"exit code {done.returncode}"
    return json.loads(done.stdout) if done.stdout.strip() else {}


def main(endpoints):
    node = lambda n: endpoints[n % len(endpoints)]  # noqa: E731
    attributes = "FifoQueue=true,ContentBasedDeduplication=true"
    created = aws(node(0), "create-queue", "--queue-name", "orders.fifo", "--attributes", attributes)
    url = created["QueueUrl"]
    found = aws(node(1), "get-queue-url", "--queue-name", "orders.fifo")["QueueUrl"]
    assert found.endswith("/orders.fifo"), found
    listed = aws(node(2), "list-queues", "--queue-name-prefix", "orders")["QueueUrls"]
    assert [u.rsplit("/", 1)[1] for u in listed] == ["orders.fifo"], listed

    send = ["send-message", "--queue-url", url, "--message-body", "one coffee", "--message-group-id", "table-4"]
    first, again = aws(node(1), *send), aws(node(2), *send)
    assert first["MessageId"] == again["MessageId"], "the same body and group is the same message"
    assert first["SequenceNumber"] == again["SequenceNumber"]

    receive = ["receive-message", "--queue-url", url, "--max-number-of-messages", "10"]
    messages = aws(node(0), *receive, "--attribute-names", "All", "--wait-time-seconds", "5")["Messages"]
    assert [m["Body"] for m in messages] == ["one coffee"], messages
    assert messages[0]["MessageId"] == first["MessageId"]
    assert messages[0]["Attributes"]["MessageGroupId"] == "table-4"
    aws(node(1), "delete-message", "--queue-url", url, "--receipt-handle", messages[0]["ReceiptHandle"])

    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = aws(node(2), "get-queue-attributes", "--queue-url", url, "--attribute-names", *names)["Attributes"]
    assert left == dict.fromkeys(names, "0"), left
    aws(node(0), "delete-queue", "--queue-url", url)
    error = "AWS.SimpleQueueService.NonExistentQueue"
    aws(node(1), "get-queue-url", "--queue-name", "orders.fifo", fails_with=error)
    print("the AWS CLI is served")


if __name__ == "__main__":
    main(sys.argv[1:])

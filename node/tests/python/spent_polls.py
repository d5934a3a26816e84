"""A node without room for one more poll."""

import concurrent.futures
import contextlib
import time

from aws_json import AwsJson, Refused

# What nodes are started with.
POLLS_MAX = 2
PAUSE_S = 0.05


def _poll(endpoint, url, seconds):
    return AwsJson(endpoint)("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=seconds)


def _insistent_poll(endpoint, url):
    """Waits for a place, then for a message."""
    while True:
        try:
            return _poll(endpoint, url, 20)
        except Refused:
            time.sleep(PAUSE_S)


@contextlib.contextmanager
def spent_polls(endpoint, url):
    """While every poll that a node may have waits already."""
    with concurrent.futures.ThreadPoolExecutor(POLLS_MAX) as pool:
        polls = [pool.submit(_insistent_poll, endpoint, url) for _ in range(POLLS_MAX)]
        try:
            for _ in range(10):
                _poll(endpoint, url, 1)
                # Its place is for those who insist.
                time.sleep(10 * PAUSE_S)
            raise AssertionError("there is always room for one more poll")
        except Refused:
            yield
        finally:
            for _ in polls:
                AwsJson(endpoint)("SendMessage", QueueUrl=url, MessageBody="m")
        for waiting in polls:
            assert len(waiting.result()["Messages"]) == 1, "a poll was not woken"

"""Clients of a cluster, and checks that run against it.

A check is a function that takes a `Cluster`; the decorator `check` registers it. `main` runs all of
them, a few at a time because many wait for timeouts, and exits with 1 if any fails.
"""

import argparse
import concurrent.futures
import copy
import sys
import threading
import time
import traceback
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

AT_ONCE = 4
_registered = []


def check(function):
    """Registers a check; its name and its docstring are its report."""
    _registered.append(function)
    return function


def client(endpoint, account="test", **config):
    """A boto3 client as an application would make it; 12 digits are another account than the default one."""
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(read_timeout=60, retries={"mode": "standard"}, **config),
    )


class Cluster:
    """The nodes, and queues that exist for one check only."""

    def __init__(self, endpoints):
        self.endpoints = endpoints
        self.nodes = [client(endpoint) for endpoint in endpoints]
        self._urls = []
        self._lock = threading.Lock()

    def for_one_check(self):
        """The same nodes, with no queues to delete yet."""
        own = copy.copy(self)
        own._urls, own._lock = [], threading.Lock()
        return own

    def node(self, n):
        """The client of a node; any number will do, also if there are fewer nodes."""
        return self.nodes[n % len(self.nodes)]

    def name(self, stem, fifo=False):
        """A queue name that nobody else uses."""
        return f"{stem}-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")

    def queue(self, stem, fifo=False, **attributes):
        """A new queue's URL."""
        if fifo:
            attributes["FifoQueue"] = "true"
        name = self.name(stem, fifo)
        url = self.node(0).create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.remember(url)
        return url

    def remember(self, url):
        """Deletes this queue at the end."""
        with self._lock:
            self._urls.append(url)

    def clean(self):
        for url in self._urls:
            try:
                self.node(0).delete_queue(QueueUrl=url)
            except ClientError as error:
                if code(error) != "AWS.SimpleQueueService.NonExistentQueue":
                    raise


def code(error):
    return error.response["Error"]["Code"]


def refused(expected, call, query_code=None, status=400, **arguments):
    """Calls, and demands this error, or one of a tuple of them; returns its message."""
    expected = expected if isinstance(expected, tuple) else (expected,)
    try:
        reply = call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] in expected, f"code {found!r}, not {expected}"
        got = error.response["ResponseMetadata"]["HTTPStatusCode"]
        assert got == status, f"HTTP status {got}, not {status}, with {found!r}"
        if query_code is not None:
            assert found.get("QueryErrorCode") == query_code, f"{found!r}, not {query_code}"
        return found["Message"]
    raise AssertionError(f"accepted, where {expected} was due: {reply}")


def invalid(call, **arguments):
    """The commonest refusal."""
    return refused("InvalidParameterValue", call, "InvalidParameterValueException", **arguments)


def receive(sqs, url, most=10, wait=5, **arguments):
    """One long poll; its messages."""
    arguments.setdefault("MessageSystemAttributeNames", ["All"])
    reply = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait, **arguments
    )
    # AWS leaves the member out when there is nothing.
    assert reply.get("Messages") != [], "an empty list of messages"
    return reply.get("Messages", [])


def receive_exactly(sqs, url, count, **arguments):
    """Polls until so many messages have come; with none for a whole poll it fails."""
    messages = []
    while len(messages) < count:
        some = receive(sqs, url, **arguments)
        assert some, f"{len(messages)} of {count} messages came"
        messages += some
    assert len(messages) == count, f"{len(messages)} messages instead of {count}"
    return messages


def one(sqs, url, **arguments):
    """The next message, which must be the only one."""
    return receive_exactly(sqs, url, 1, **arguments)[0]


def none(sqs, url, wait=0, **arguments):
    """Demands that nothing is visible."""
    messages = receive(sqs, url, wait=wait, **arguments)
    assert not messages, f"visible: {messages}"


def equal(found, expected, what="value"):
    assert found == expected, f"{what}: {found!r}, not {expected!r}"


def _run(function, cluster):
    began = time.monotonic()
    own = cluster.for_one_check()
    try:
        try:
            function(own)
        finally:
            own.clean()
    except Exception:
        return function, time.monotonic() - began, traceback.format_exc()
    return function, time.monotonic() - began, None


def main(make=Cluster):
    arguments = argparse.ArgumentParser()
    arguments.add_argument("endpoints", nargs="+", help="URLs of the nodes")
    arguments.add_argument("--only", default="", help="checks whose name contains this")
    arguments.add_argument("--but", default=None, help="but not those whose name contains this")
    options = arguments.parse_args()
    cluster = make(options.endpoints)
    chosen = [f for f in _registered if options.only in f.__name__]
    chosen = [f for f in chosen if options.but is None or options.but not in f.__name__]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for done in concurrent.futures.as_completed([pool.submit(_run, f, cluster) for f in chosen]):
            function, seconds, failure = done.result()
            failures += failure is not None
            word = "FAIL" if failure else "ok  "
            print(f"{word} {function.__name__} ({seconds:.1f} s): {function.__doc__}", flush=True)
            if failure:
                print(failure, flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} checks passed", flush=True)
    sys.exit(1 if failures or not chosen else 0)

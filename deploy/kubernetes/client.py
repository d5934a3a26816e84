"""The recording client: runs in a pod, sends unique messages to queues of its own, receives and deletes them, and tells at the end
what became of each. Standard input: the line `stop` ends the sending. Standard output: a JSON object a line, first a progress
each second, at last the report.

It behaves as an SDK does: a call is repeated with the same invocation id until it succeeds, each time over a new connection. It needs
nothing but Python's own library, so that any image with Python will do.
"""

import argparse
import collections
import http.client
import json
import os
import random
import sys
import threading
import time
import uuid

ATTEMPT_SECONDS = 2
RETRY_SECONDS = 0.05
# A send that has not succeeded by then is given up: nobody knows whether it took effect.
SEND_PATIENCE_SECONDS = 60
# A receive is repeated for as long as its repetition gives what the lost answer gave.
RECEIVE_PATIENCE_SECONDS = 90
WAIT_SECONDS = 1
# Longer than any fault, so that a message that comes twice was handed out twice.
VISIBILITY_SECONDS = 240


class Api:
    """One thread's calls, over one connection as long as it works."""

    def __init__(self, host, port):
        self.host, self.port, self.connection = host, port, None
        self.retries = 0

    def call(self, operation, patience, **parameters):
        """The answer, or None if there was no success in time."""
        invocation, attempt, end = str(uuid.uuid4()), 0, time.monotonic() + patience
        while True:
            attempt += 1
            try:
                return self.attempt(operation, parameters, invocation, attempt)
            except (OSError, http.client.HTTPException, ValueError):
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
            self.retries += 1
            if time.monotonic() >= end:
                return None
            time.sleep(RETRY_SECONDS * random.uniform(0.5, 1.5))

    def attempt(self, operation, parameters, invocation, attempt):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=ATTEMPT_SECONDS)
        # A server that is about to stop has closed it after the last answer.
        if self.connection.sock is None:
            self.connection.connect()
        self.connection.sock.settimeout(ATTEMPT_SECONDS + parameters.get("WaitTimeSeconds", 0))
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{operation}",
            "amz-sdk-invocation-id": invocation,
            "amz-sdk-request": f"attempt={attempt}",
        }
        self.connection.request("POST", "/", json.dumps(parameters), headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise ValueError(f"{response.status}: {body[:200]}")
        return json.loads(body) if body else {}


class Queue:
    """One queue, the thread that sends to it and the one that receives from it."""

    def __init__(self, name, options):
        self.name, self.options, self.fifo = name, options, name.endswith(".fifo")
        self.sending, self.receiving = Api(options.host, options.port), Api(options.host, options.port)
        self.acknowledged, self.unknown, self.latencies = {}, [], []
        self.received = collections.Counter()
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        if self.fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        created = self.sending.call("CreateQueue", 60, QueueName=name, Attributes=attributes)
        if created is None:
            raise SystemExit(f"no queue {name} could be created")
        self.url = created["QueueUrl"]

    def send(self, stop):
        number = 0
        group = {"MessageGroupId": "g"} if self.fifo else {}
        while not stop.is_set():
            number += 1
            body = f"{self.name}:{number}"
            begun = time.monotonic()
            sent = self.sending.call("SendMessage", SEND_PATIENCE_SECONDS, QueueUrl=self.url, MessageBody=body, **group)
            if sent is None:
                self.unknown.append(body)
            else:
                now = time.monotonic()
                self.acknowledged[body] = now
                self.latencies.append(now - begun)
            stop.wait(1 / self.options.rate)

    def receive(self, stop):
        while not stop.is_set():
            answer = self.receiving.call(
                "ReceiveMessage", RECEIVE_PATIENCE_SECONDS, QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=WAIT_SECONDS
            )
            messages = (answer or {}).get("Messages") or []
            self.received.update(message["Body"] for message in messages)
            if messages:
                entries = [
                    {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)
                ]
                self.receiving.call("DeleteMessageBatch", RECEIVE_PATIENCE_SECONDS, QueueUrl=self.url, Entries=entries)

    def missing(self):
        return [body for body in self.acknowledged if not self.received[body]]


def longest_gap(times, begun, ended):
    """The longest time without a success, and when it began, in seconds after the beginning."""
    marks = [begun, *sorted(times), ended]
    gap, start = max((later - earlier, earlier) for earlier, later in zip(marks, marks[1:]))
    return {"seconds": round(gap, 2), "at": round(start - begun, 1)}


def report(queues, begun, ended):
    everything = [t for queue in queues for t in queue.acknowledged.values()]
    gaps = {queue.name: longest_gap(queue.acknowledged.values(), begun, ended) for queue in queues}
    worst = max(gaps, key=lambda name: gaps[name]["seconds"])
    latencies = sorted(latency for queue in queues for latency in queue.latencies)
    lost = [body for queue in queues for body in queue.missing()]
    doubled = [body for queue in queues for body, times in queue.received.items() if times > 1]
    known = {body for queue in queues for body in [*queue.acknowledged, *queue.unknown]}
    return {
        "acknowledged": len(everything),
        "received": sum(len(queue.received) for queue in queues),
        "lost": len(lost),
        "doubled": len(doubled),
        "invented": sum(body not in known for queue in queues for body in queue.received),
        "unknown": sum(len(queue.unknown) for queue in queues),
        "retries": sum(queue.sending.retries for queue in queues),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000) if latencies else None,
        "gap": longest_gap(everything, begun, ended),
        "worst_queue": {"name": worst, **gaps[worst]},
        "examples": {"lost": lost[:10], "doubled": doubled[:10]},
    }


def end_at_once(failure):
    """A thread that ends by an error of this program must not leave the others running as if nothing had happened."""
    threading.__excepthook__(failure)
    os._exit(1)


def say(kind, **what):
    print(json.dumps({"kind": kind, **what}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--prefix", required=True, help="queue names begin with this")
    parser.add_argument("--standard", type=int, default=4)
    parser.add_argument("--fifo", type=int, default=2)
    parser.add_argument("--rate", type=float, default=30, help="sends a second and queue, at most")
    options = parser.parse_args()
    threading.excepthook = end_at_once
    names = [f"{options.prefix}-{i}" for i in range(options.standard)]
    names += [f"{options.prefix}-{i}.fifo" for i in range(options.fifo)]
    queues = [Queue(name, options) for name in names]
    stop_sending, stop_receiving = threading.Event(), threading.Event()
    senders = [threading.Thread(target=queue.send, args=[stop_sending], daemon=True) for queue in queues]
    receivers = [threading.Thread(target=queue.receive, args=[stop_receiving], daemon=True) for queue in queues]
    threading.Thread(target=lambda: (sys.stdin.readline(), stop_sending.set()), daemon=True).start()
    begun = time.monotonic()
    for thread in senders + receivers:
        thread.start()
    while not stop_sending.wait(1):
        say("progress", sent=[len(queue.acknowledged) for queue in queues])
    ended = time.monotonic()
    for thread in senders:
        thread.join()
    # What a lost answer handed out comes again when it is visible again, and would count as a message, not as a loss.
    patience = time.monotonic() + VISIBILITY_SECONDS + 30
    while any(queue.missing() for queue in queues) and time.monotonic() < patience:
        say("draining", missing=sum(len(queue.missing()) for queue in queues))
        time.sleep(1)
    # One more round, for messages that come twice.
    time.sleep(2 * WAIT_SECONDS)
    stop_receiving.set()
    for thread in receivers:
        thread.join()
    for queue in queues:
        queue.sending.call("DeleteQueue", 10, QueueUrl=queue.url)
    say("report", **report(queues, begun, ended))


main()

#!/usr/bin/env python3
"""Sends every line of a text through a queue in batches of ten, and compares what comes out.

    words.py URL [URL ...] --queue words [--lines 20000] [--text FILE]

From a standard queue the same lines must come, each as often as it was sent; from a FIFO queue (a name
that ends with .fifo) the same sequence. The text is Debian's word list if it is installed, else made up,
the same on every run. Prints «half sent», «all sent», «half received» on lines of their own, so that a
test can make trouble at these moments.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import itertools
import sys
import threading
import time
from pathlib import Path

import boto3
from botocore.config import Config

WORD_LIST = Path("/usr/share/dict/words")
MADE_UP_LINES = 100_000
THREADS = 4
BATCH = 10
# A node may be dead for a while: the SDK's own retries have to bridge that.
ATTEMPTS = 12
IDLE_LIMIT_S = 60
VISIBILITY_S = 30


def text(path, count):
    """The lines to send; SQS takes no empty ones."""
    source = path or (WORD_LIST if WORD_LIST.exists() else None)
    if source:
        lines = [line for line in source.read_text(encoding="utf-8").splitlines() if line]
    else:
        lines = [hashlib.sha256(str(i).encode()).hexdigest()[: 3 + i % 20] for i in range(MADE_UP_LINES)]
    return lines[:count] if count else lines


class Milestone:
    """Prints a line once a count is reached."""

    def __init__(self, line, at):
        self._line, self._left, self._lock = line, max(at, 1), threading.Lock()

    def add(self, count):
        with self._lock:
            before, self._left = self._left, self._left - count
            if before > 0 >= self._left:
                print(self._line, flush=True)


class Run:
    def __init__(self, options):
        self.fifo = options.queue.endswith(".fifo")
        self.threads = 1 if self.fifo else THREADS
        self.clients = [
            boto3.client(
                "sqs", endpoint_url=options.endpoints[i % len(options.endpoints)], region_name="us-east-1",
                aws_access_key_id="test", aws_secret_access_key="test",
                config=Config(read_timeout=20, retries={"mode": "standard", "total_max_attempts": ATTEMPTS}),
            )
            for i in range(self.threads)
        ]
        self.lines = text(options.text, options.lines)
        attributes = {"VisibilityTimeout": str(VISIBILITY_S)}
        if self.fifo:
            attributes["FifoQueue"] = "true"
        self.url = self.clients[0].create_queue(QueueName=options.queue, Attributes=attributes)["QueueUrl"]

    def each_thread(self, work):
        with concurrent.futures.ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, range(self.threads)))

    def send(self):
        numbered = list(enumerate(self.lines))
        batches = [numbered[i : i + BATCH] for i in range(0, len(numbered), BATCH)]
        half = Milestone("half sent", len(numbered) // 2)

        def work(thread):
            for batch in batches[thread :: self.threads]:
                self.send_batch(self.clients[thread], [self.entry(*line) for line in batch])
                half.add(len(batch))

        self.each_thread(work)
        print("all sent", flush=True)

    def send_batch(self, sqs, entries):
        """A failed entry was not stored, so it is sent again; a failed call ends the run."""
        while entries:
            reply = sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            failed = {entry["Id"]: entry for entry in reply.get("Failed", [])}
            assert not any(entry["SenderFault"] for entry in failed.values()), failed
            entries = [entry for entry in entries if entry["Id"] in failed]

    def entry(self, number, line):
        entry = {"Id": str(number), "MessageBody": line}
        if self.fifo:
            # Lines may repeat, so the line's number makes the difference.
            entry |= {"MessageGroupId": "text", "MessageDeduplicationId": str(number)}
        return entry

    def receive(self):
        """The bodies by message id, in the order in which the messages first came."""
        half = Milestone("half received", len(self.lines) // 2)
        bodies, lock = {}, threading.Lock()
        again = 0
        progress = time.monotonic()

        def take(messages):
            nonlocal again, progress
            with lock:
                before = len(bodies)
                for message in messages:
                    body = bodies.setdefault(message["MessageId"], message["Body"])
                    assert body == message["Body"], f"{body!r} has become {message['Body']!r}"
                again += len(messages) - (len(bodies) - before)
                if len(bodies) > before:
                    progress = time.monotonic()
                half.add(len(bodies) - before)

        def work(thread):
            sqs = self.clients[thread]
            while len(bodies) < len(self.lines) and time.monotonic() - progress < IDLE_LIMIT_S:
                reply = sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=1)
                messages = reply.get("Messages", [])
                take(messages)
                self.delete(sqs, messages)

        self.each_thread(work)
        print(f"{again} messages came more than once, after their visibility timeout", flush=True)
        return list(bodies.values())

    def delete(self, sqs, messages):
        entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
        while entries:
            reply = sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)
            failed = {entry["Id"]: entry for entry in reply.get("Failed", [])}
            # A FIFO receipt may expire while a node is dead; the message then comes again.
            wanted = {id for id, entry in failed.items() if not entry["SenderFault"]}
            entries = [entry for entry in entries if entry["Id"] in wanted]

    def await_nothing_more(self):
        """Whatever comes now was stored twice."""
        reply = self.clients[0].receive_message(QueueUrl=self.url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=2)
        return [message["Body"] for message in reply.get("Messages", [])]


def differences(sent, received, fifo):
    """What is wrong, as sentences; none if nothing is."""
    missing = collections.Counter(sent) - collections.Counter(received)
    surplus = collections.Counter(received) - collections.Counter(sent)
    found = []
    for word, lines in [("missing", missing), ("stored more than once or never sent", surplus)]:
        if lines:
            found.append(f"{lines.total()} lines {word}, such as {lines.most_common(3)}")
    if fifo and not found:
        wrong = [i for i, (a, b) in enumerate(zip(sent, received)) if a != b]
        if wrong:
            i = wrong[0]
            found.append(f"{len(wrong)} lines out of order, the first at {i}: {received[i]!r}, not {sent[i]!r}")
    return found


def main():
    # The comparison must be able to fail.
    assert differences(["a", "a"], ["a"], False) and differences(["a"], ["a", "a"], False)
    assert differences(["a", "b"], ["b", "a"], True) and not differences(["a", "b"], ["b", "a"], False)

    arguments = argparse.ArgumentParser()
    arguments.add_argument("endpoints", nargs="+", help="URLs of nodes or of a balancer")
    arguments.add_argument("--queue", required=True)
    arguments.add_argument("--lines", type=int, default=0, help="at most so many; 0 means all")
    arguments.add_argument("--text", type=Path)
    run = Run(arguments.parse_args())
    began = time.monotonic()
    run.send()
    received = run.receive() + run.await_nothing_more()
    found = differences(run.lines, received, run.fifo)
    print(f"{len(run.lines)} lines sent, {len(received)} received, in {time.monotonic() - began:.1f} s")
    for sentence in found:
        print(sentence)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

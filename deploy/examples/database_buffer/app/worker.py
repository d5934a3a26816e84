"""Takes orders from the queue and writes them to the database.

    worker.py QUEUE_URL

Three steps whose order is everything: receive, COMMIT, delete. What fails between two of them is delivered again.

- The database is away: nothing is received until it is back. A message that is received in vain has used up one of the receives
  after which the queue takes it for a dead letter, and there is nothing wrong with it.
- A message is malformed: it is left alone, and the queue makes it a dead letter. Its neighbours are written.
- The delete fails, or this process ends before it: the order comes again, and the table has it already.
"""

import random
import signal
import sys
import time

import boto3
import psycopg
import table
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from events import tell
from orders import Malformed, decode

# A long poll: the call waits for messages, which costs neither side anything.
WAIT_S = 10
BATCH = 10
# When the database is away, what is held is shown to others after this time: by then each of them knows it, too.
GIVE_BACK_S = 10
# A malformed message is tried again soon, until it is a dead letter.
MALFORMED_S = 3
DELETE_TRIES = 3
PAUSE_S_MIN, PAUSE_S_MAX = 0.25, 4
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=WAIT_S + 20)


class Worker:
    def __init__(self, sqs, queue_url):
        self.sqs, self.queue_url, self.stopping = sqs, queue_url, False

    def run(self):
        while connection := self.connect():
            try:
                while not self.stopping:
                    self.turn(connection)
            except psycopg.OperationalError as error:
                tell("database away", error=str(error).strip())
            finally:
                connection.close()

    def connect(self):
        """A connection to the database, however long it takes; None if this worker is to stop."""
        pause_s = PAUSE_S_MIN
        while not self.stopping:
            try:
                return table.connect()
            except psycopg.OperationalError:
                # Not all workers at the same moment, when it is back.
                time.sleep(pause_s * random.uniform(0.5, 1))
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
        return None

    def turn(self, connection):
        """Receives some messages and deals with them."""
        try:
            messages = self.receive()
            if messages:
                self.write(connection, messages)
        except (BotoCoreError, ClientError) as error:
            # The SDK has tried several times. What was received comes again.
            tell("queue away", error=str(error))
            time.sleep(PAUSE_S_MAX)

    def receive(self):
        reply = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=WAIT_S,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return reply.get("Messages", [])

    def write(self, connection, messages):
        good, malformed = {}, []
        for message in messages:
            try:
                good[message["MessageId"]] = (decode(message["Body"]), message)
            except Malformed as error:
                tell("malformed", message=message["MessageId"], error=str(error))
                malformed.append(message)
        try:
            refused = self.store(connection, list(good.values()))
        except psycopg.OperationalError:
            self.show_again(messages, GIVE_BACK_S)
            raise
        self.delete([message for _, message in good.values() if message not in refused])
        self.show_again(malformed + refused, MALFORMED_S)

    def store(self, connection, pairs):
        """Writes all orders in one transaction; if one of them is impossible, each in its own. The messages of impossible ones."""
        try:
            self.commit(connection, pairs)
            return []
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(pairs) == 1:
                tell("malformed", message=pairs[0][1]["MessageId"], error=str(error).splitlines()[0])
                return [pairs[0][1]]
        return [message for pair in pairs for message in self.store(connection, [pair])]

    def commit(self, connection, pairs):
        if not pairs:
            return
        begun, orders = time.monotonic(), [order for order, _ in pairs]
        new = set(table.store(connection, orders))
        tell(
            "committed",
            new=len(new),
            again=[order.id for order in orders if order.id not in new],
            receives=max(int(message["Attributes"]["ApproximateReceiveCount"]) for _, message in pairs),
            took_ms=round((time.monotonic() - begun) * 1000, 1),
        )

    def delete(self, messages):
        """Deletes what is in the database. A batch can succeed in part; the rest is tried again, and at worst delivered again."""
        left = handles(messages)
        for _ in range(DELETE_TRIES):
            if not left:
                return
            reply = self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=left)
            failed = {entry["Id"] for entry in reply.get("Failed", [])}
            left = [entry for entry in left if entry["Id"] in failed]
        if left:
            tell("not deleted", messages=len(left))

    def show_again(self, messages, seconds):
        """Lets others receive messages after a time. If that fails, they can after the visibility timeout."""
        if entries := [entry | {"VisibilityTimeout": seconds} for entry in handles(messages)]:
            try:
                self.sqs.change_message_visibility_batch(QueueUrl=self.queue_url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                tell("queue away", error=str(error))

    def stop(self, *_):
        """Ends the worker after the turn that it is at."""
        self.stopping = True


def handles(messages):
    return [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]


def main(make=Worker):
    worker = make(boto3.client("sqs", config=CONFIG), sys.argv[1])
    signal.signal(signal.SIGTERM, worker.stop)
    worker.run()
    tell("stopped")


if __name__ == "__main__":
    main()

"""Takes orders from customers and puts them into the queue. It does not know the database.

    writer.py QUEUE_URL --rate ORDERS_A_SECOND --seconds N

A customer is told "accepted" once SendMessage has returned: from then on the order is safe.
"""

import argparse
import concurrent.futures
import random
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from events import tell
from orders import Order

# Customers served at the same time.
SERVED_MAX = 16
# With these retries the SDK outlasts a failover. It repeats a call with the same invocation id, so that Millrace takes it once.
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=20, max_pool_connections=SERVED_MAX)


def place(sqs, queue_url, order):
    """Accepts an order, or tells the customer that it cannot be."""
    begun = time.monotonic()
    try:
        reply = sqs.send_message(QueueUrl=queue_url, MessageBody=order.encode())
    except (BotoCoreError, ClientError) as error:
        tell("refused", order=order.encode(), error=str(error))
        return
    took_ms = round((time.monotonic() - begun) * 1000, 1)
    tell("accepted", order=order.encode(), took_ms=took_ms, retries=reply["ResponseMetadata"]["RetryAttempts"])


def some_order():
    item = random.choice(["apples", "bolts", "cable", "drills"])
    return Order(str(uuid.uuid4()), f"customer-{random.randrange(1000)}", item, random.randint(1, 9))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("queue_url")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    sqs = boto3.client("sqs", config=CONFIG)
    begun = time.monotonic()
    # Customers come when they come; one whose call takes long does not hold up the next.
    with concurrent.futures.ThreadPoolExecutor(SERVED_MAX) as counter:
        for number in range(int(options.rate * options.seconds)):
            time.sleep(max(0, begun + number / options.rate - time.monotonic()))
            counter.submit(place, sqs, options.queue_url, some_order()).add_done_callback(lambda done: done.result())
    tell("closed")


if __name__ == "__main__":
    main()

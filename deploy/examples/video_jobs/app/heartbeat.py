"""Keeps a message away from other workers for as long as this one works on it.

The visibility timeout can then be short, so that another worker soon gets the job of a worker that died, however long jobs take.
"""

import threading

from botocore.exceptions import BotoCoreError, ClientError
from events import tell

# So many beats in a visibility timeout: one or two may be late or lost.
BEATS = 3


class Lost(Exception):
    """The message is visible again or at another worker: what is done here is done for nothing."""


class Heartbeat:
    """With it, in `with`, the visibility timeout begins anew again and again. `check` says if that came too late once."""

    def __init__(self, sqs, queue_url, receipt, visibility_s):
        self.sqs, self.visibility_s = sqs, visibility_s
        self.message = {"QueueUrl": queue_url, "ReceiptHandle": receipt}
        self.ended, self.lost, self.beats = threading.Event(), False, 0
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        while not self.lost and not self.ended.wait(self.visibility_s / BEATS):
            self.beat()

    def beat(self):
        try:
            self.sqs.change_message_visibility(**self.message, VisibilityTimeout=self.visibility_s)
            self.beats += 1
        except (self.sqs.exceptions.MessageNotInflight, self.sqs.exceptions.ReceiptHandleIsInvalid):
            self.lost = True
        except (BotoCoreError, ClientError) as error:
            # The next beat may get through.
            tell("no heartbeat", error=str(error))

    def check(self):
        if self.lost:
            raise Lost

"""The worker with one thing wrong, to be run in its place.

    mistakes.py MISTAKE[+MISTAKE] QUEUE_URL

`dies_after_commit` is part of the story. The others are for --break: with each of them, a claim of the example must fail.
"""

import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app"))
import psycopg  # noqa: E402
import table  # noqa: E402
import worker  # noqa: E402
from events import tell  # noqa: E402
from orders import decode  # noqa: E402


class DiesAfterCommit(worker.Worker):
    """Its machine stops after the first COMMIT, before the delete."""

    def delete(self, messages):
        tell("dies", orders=[decode(message["Body"]).id for message in messages])
        os.kill(os.getpid(), signal.SIGKILL)


class DeletesFirst(worker.Worker):
    """Deletes what it is going to write."""

    def commit(self, connection, pairs):
        self.delete([message for _, message in pairs])
        super().commit(connection, pairs)


class Impatient(worker.Worker):
    """Goes on receiving while the database is away, and hands everything back at once."""

    def connect(self):
        while not self.stopping:
            try:
                return table.connect()
            except psycopg.OperationalError:
                self.show_again(self.receive(), 0)
        return None


class WithoutKey(worker.Worker):
    """Writes into a table that does not know whether it has an order."""


MISTAKES = {
    "dies_after_commit": DiesAfterCommit,
    "deletes_first": DeletesFirst,
    "impatient": Impatient,
    "no_key": WithoutKey,
}
CHOICES = [name for name in MISTAKES if name != "dies_after_commit"]


def prepare(mistake):
    """What the mistake changes beside the worker."""
    if mistake == "no_key":
        table.SCHEMA = table.SCHEMA.replace("PRIMARY KEY", "NOT NULL")
        table.STORE = table.STORE.replace("ON CONFLICT (id) DO NOTHING", "")


if __name__ == "__main__":
    first, *others = sys.argv.pop(1).split("+")
    for mistake in [first, *others]:
        prepare(mistake)
    worker.main(MISTAKES[first])

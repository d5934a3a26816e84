"""What happens in the example, second by second, and the table of it that is printed meanwhile."""

import pathlib
import signal
import sys
import time

import claims
import mistakes
import table
from harness import queues
from harness.trouble import Trouble
from postgres import Postgres
from records import Records

APP = pathlib.Path(__file__).resolve().parent.parent / "app"
QUEUE = "orders"
WORKERS = 3
RATE, SENDING_S = 50, 95
# More than the outage costs a message at most, which is one for each worker.
RECEIVES_MAX = 5
VISIBILITY_S = 20
DRAIN_S_MAX = 90
# A worker ends after the long poll that it is at.
STOP_S_MAX = 30
TICK_S, ROW_S = 0.5, 5
# Not JSON; an order that the database refuses.
MALFORMED = ['{"id": "cut off', '{"id": "00000000-0000-4000-8000-000000000000", "customer": "c", "item": "air", "quantity": 0}']


def play(stage):
    mistakes.prepare(stage.breakage)
    run = Run(stage)
    run.until_empty()
    return claims.judge(run)


class Run:
    malformed, receives_max, rate = MALFORMED, RECEIVES_MAX, RATE

    def __init__(self, stage):
        self.stage, self.cluster, self.records = stage, stage.cluster(), Records()
        self.postgres = Postgres(stage, self.cluster.ports.take())
        with table.connect() as connection:
            table.create(connection)
        self.sqs = queues.client(self.cluster)
        self.queue, self.dead = queues.create_with_dead_letters(self.sqs, QUEUE, VISIBILITY_S, RECEIVES_MAX)
        self.backlog, self.down, self.up, self.victim, self.dying = [], None, None, None, None
        self.environment = self.cluster.environment(**self.postgres.environment)
        self.workers = [self.worker(f"worker-{n}", stage.breakage) for n in range(1, WORKERS + 1)]
        self.writer = self.application("writer", APP / "writer.py", self.queue, "--rate", RATE, "--seconds", SENDING_S)
        self.begun = time.monotonic()

    def application(self, name, script, *arguments):
        return self.stage.process(name, [sys.executable, script, *arguments], self.environment)

    def worker(self, name, mistake=None):
        if mistake:
            return self.application(name, pathlib.Path(mistakes.__file__), mistake, self.queue)
        return self.application(name, APP / "worker.py", self.queue)

    def plot(self):
        """What is done, and after how many seconds."""
        return [
            (5, "a malformed order is sent", lambda: self.send(MALFORMED[0])),
            (20, "the database crashes", self.crash),
            (30, "an order is sent that the database will refuse", lambda: self.send(MALFORMED[1])),
            (40, "the node that leads the queue is killed", self.kill_leader),
            (60, "the killed node is started again", self.restart_node),
            (81, "the database is started again", self.restart_database),
            (81, "a worker joins that dies between COMMIT and delete", self.add_dying_worker),
        ]

    def send(self, body):
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)

    def add_dying_worker(self):
        self.dying = self.worker("worker-dying", "+".join(filter(None, ["dies_after_commit", self.stage.breakage])))

    def crash(self):
        self.postgres.crash()
        self.down = time.time()

    def kill_leader(self):
        self.victim = self.cluster.leader_of(QUEUE)
        self.cluster.kill(self.victim)
        killed = time.monotonic()
        self.cluster.leader_of(QUEUE)
        self.failover_s = time.monotonic() - killed

    def restart_node(self):
        self.cluster.start(self.victim)
        self.cluster.await_ready(self.victim)

    def restart_database(self):
        self.postgres.start()
        self.up = time.time()

    def until_empty(self):
        """Plays the plot, and then waits until the queue is empty."""
        plot, next_row = self.plot(), 0
        print(f"{'second':>6} {'accepted':>8} {'in table':>8} {'in queue':>8}", flush=True)
        while True:
            second = time.monotonic() - self.begun
            happened = []
            while plot and second >= plot[0][0]:
                _, what, act = plot.pop(0)
                act()
                happened.append(what)
            self.look()
            if happened or second >= next_row:
                self.print_row(", ".join(happened))
                next_row = second - second % ROW_S + ROW_S
            if not (plot or self.writer.runs() or self.backlog[-1][1]):
                break
            if second > SENDING_S + DRAIN_S_MAX:
                raise Trouble(f"{self.backlog[-1][1]} messages are still in the queue after {second:.0f} s")
            time.sleep(TICK_S)
        for worker in self.workers:
            worker.send(signal.SIGTERM)
        self.worker_codes = [worker.wait(STOP_S_MAX) for worker in self.workers]
        self.look()
        self.print_row("all is done")

    def look(self):
        """Notes what was told, and how much is in the queue."""
        for process in filter(None, [self.writer, *self.workers, self.dying]):
            for event in process.events():
                self.records.take(event)
        self.backlog.append((time.time(), queues.depth(self.sqs, self.queue)))

    def print_row(self, what):
        second = time.monotonic() - self.begun
        numbers = f"{second:6.0f} {len(self.records.accepted):8} {self.records.stored:8} {self.backlog[-1][1]:8}"
        print(f"{numbers}  {what}".rstrip(), flush=True)

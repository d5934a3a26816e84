"""What the example claims about a run, and the numbers beside it."""

import collections
import signal

import table
from harness import queues
from harness.verdict import Verdict
from orders import Order, decode

OUTAGE_S_MIN = 60


def judge(run):
    records, verdict = run.records, Verdict()
    rows = read_table()
    accepted = collections.Counter(decode(text) for text in records.accepted)
    down_s, orders_meanwhile = run.up - run.down, records.accepted_between(run.down, run.up)
    letters = queues.take_all(run.sqs, run.dead)

    print()
    verdict.none("every accepted order is in the table, as it was sent", accepted.keys() - rows.keys())
    verdict.none("no order is in the table twice", [order for order, times in rows.items() if times > 1])
    verdict.none("nothing else is in the table", rows.keys() - accepted.keys())
    verdict.none("no customer was refused", records.refused)
    verdict.equal("the writer came to its end", run.writer.wait(1), 0)
    verdict.equal("the queue is empty", queues.depth(run.sqs, run.queue), 0)
    verdict.equal("the malformed orders, and nothing else, are dead letters", sorted(letters), sorted(run.malformed))
    verdict.claim("the database was down for a minute", down_s >= OUTAGE_S_MIN, f"{down_s:.1f} s")
    verdict.equal("it had crashed, and recovered", run.postgres.crashes(), 1)
    verdict.claim("orders were accepted meanwhile", orders_meanwhile > 0, "none")
    verdict.equal("the other workers ended when they were asked to", run.worker_codes, [0] * len(run.workers))
    verdict.equal("a worker was killed between COMMIT and delete", run.dying.kill(), -signal.SIGKILL)
    verdict.claim("it had orders in its hands", bool(records.killed), "none")
    not_again = [id for id in records.killed if id not in records.again]
    verdict.none("those were delivered again, and the table had them", not_again)

    tell_numbers(run, orders_meanwhile, down_s)
    return verdict.speak(
        f"the database was away for {down_s:.0f} s and a node was killed meanwhile; all {len(accepted)} orders that\n"
        f"customers placed were accepted, and each is in the table exactly once. Without the queue, {orders_meanwhile} of them\n"
        f"had nowhere to go."
    )


def read_table():
    """How often each order is in the table, whatever keys it has."""
    with table.connect() as connection:
        rows = connection.execute("SELECT id::text, customer, item, quantity FROM orders").fetchall()
    return collections.Counter(Order(*row) for row in rows)


def tell_numbers(run, orders_meanwhile, down_s):
    records = run.records
    peak = max(depth for _, depth in run.backlog)
    after = [(at, depth) for at, depth in run.backlog if at >= run.up]
    # What is left then is what came in the last second, and what waits for a timeout.
    caught_up = next(at for at, depth in after if depth <= run.rate)
    drain_s = caught_up - run.up
    through = peak + records.accepted_between(run.up, caught_up)
    took = sorted(records.took_ms)
    print(f"""
  accepted while the database was down      {orders_meanwhile} orders in {down_s:.0f} s
  longest backlog                           {peak} messages
  caught up after the database was back     {drain_s:.1f} s, {through / drain_s:.0f} orders/s
  written before, and ignored               {records.again.total()} orders, {len(records.killed)} of a worker that was killed
  most receives of an order                 {records.receives_max}, with {run.receives_max} it would be a dead letter
  another node led the queue after          {run.failover_s:.1f} s
  sends that the SDK repeated               {records.retries}
  time to accept an order                   median {took[len(took) // 2]:.0f} ms, longest {took[-1]:.0f} ms""", flush=True)

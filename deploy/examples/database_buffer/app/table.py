"""The table of orders. Where the database is, psycopg finds in the usual variables: PGHOST, PGPORT, PGUSER, …

All times here are far below the queue's visibility timeout: a message must not be given to another worker while a transaction
with it is still open.
"""

import psycopg

CONNECT_SECONDS = 3
STATEMENT_MS = 5_000

SCHEMA = """
    CREATE TABLE orders (
        id uuid PRIMARY KEY,
        customer text NOT NULL,
        item text NOT NULL,
        quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 1000)
    )
"""

STORE = """
    INSERT INTO orders (id, customer, item, quantity)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (id) DO NOTHING
    RETURNING id::text
"""


def connect():
    # The server gives up a statement, and the client a server that does not answer.
    options = f"-c statement_timeout={STATEMENT_MS}"
    return psycopg.connect(connect_timeout=CONNECT_SECONDS, tcp_user_timeout=STATEMENT_MS, options=options)


def create(connection):
    with connection.transaction():
        connection.execute(SCHEMA)


def store(connection, orders):
    """Writes orders in one transaction; the ids of those that were not there before. All are there when it returns."""
    # In the order of their ids: two workers that hold the same orders then wait for each other, and do not deadlock.
    orders = sorted(orders, key=lambda order: order.id)
    columns = [[getattr(order, name) for order in orders] for name in ("id", "customer", "item", "quantity")]
    with connection.transaction():
        return [id for (id,) in connection.execute(STORE, columns)]

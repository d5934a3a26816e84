"""What an order is, and how it travels: a JSON object.

Its id is made by whoever makes the order. It is the idempotency key: however often the order is sent and delivered, the table
takes it once.
"""

import dataclasses
import json
import uuid


class Malformed(Exception):
    """A message that is no order, and never will be one."""


@dataclasses.dataclass(frozen=True)
class Order:
    id: str
    customer: str
    item: str
    quantity: int

    def encode(self):
        return json.dumps(dataclasses.asdict(self))


def decode(text):
    """The order in a message's body."""
    try:
        fields = json.loads(text)
        order = Order(str(uuid.UUID(fields["id"])), fields["customer"], fields["item"], fields["quantity"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Malformed(f"{type(error).__name__}: {error}") from None
    if not (isinstance(order.customer, str) and isinstance(order.item, str) and type(order.quantity) is int):
        raise Malformed("a field has the wrong type")
    return order

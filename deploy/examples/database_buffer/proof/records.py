"""What the writer and the workers told, gathered while they run."""

import collections


class Records:
    def __init__(self):
        self.accepted, self.refused, self.retries = {}, [], 0
        self.stored, self.again, self.killed = 0, collections.Counter(), []
        self.receives_max = 0
        self.took_ms = []

    def take(self, event):
        """Notes an event, as the applications tell it."""
        match event["event"]:
            case "accepted":
                self.accepted[event["order"]] = event["at"]
                self.retries += event["retries"]
                self.took_ms.append(event["took_ms"])
            case "refused":
                self.refused.append(event["error"])
            case "committed":
                self.stored += event["new"]
                self.again.update(event["again"])
                self.receives_max = max(self.receives_max, event["receives"])
            case "dies":
                self.killed += event["orders"]

    def accepted_between(self, begun, ended):
        return sum(begun <= at < ended for at in self.accepted.values())

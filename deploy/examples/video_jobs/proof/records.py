"""What the back end told, gathered while it runs."""

import collections


class Records:
    def __init__(self):
        # By job: who took it and when, how long each making of a result lasted and how many heartbeats it had.
        self.took, self.made = collections.defaultdict(list), collections.defaultdict(list)
        self.workers, self.workers_most = 0, 0
        self.started, self.stopped, self.ended = 0, 0, []

    def take(self, event):
        """Notes an event, as the applications tell it."""
        match event["event"]:
            case "took":
                self.took[event["job"]].append(event)
            case "made":
                self.made[event["job"]].append(event)
            case "worker started":
                self.started += 1
                self.count(event)
            case "worker stopped":
                self.stopped += 1
                self.count(event)
            case "worker ended":
                self.ended.append(event["code"])

    def count(self, event):
        self.workers = event["workers"]
        self.workers_most = max(self.workers_most, self.workers)

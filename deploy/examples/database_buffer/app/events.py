"""Tells what happened: a JSON object a line, on standard output."""

import json
import sys
import time


def tell(event, **what):
    sys.stdout.write(json.dumps({"event": event, "at": time.time(), **what}) + "\n")
    sys.stdout.flush()

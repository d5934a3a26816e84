"""Why an example could not do what it was to show, and patience with what takes its time."""

import time


class Trouble(Exception):
    """Something that should have worked did not. Its text is for the person who started the example."""


def until(what, condition, seconds, pause=0.1):
    """Asks again and again until `condition()` gives something true, which it returns."""
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        if time.monotonic() > end:
            raise Trouble(f"not within {seconds:g} s: {what}")
        time.sleep(pause)

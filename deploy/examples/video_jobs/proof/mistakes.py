"""The worker with one thing wrong, to be run in its place, for --break. With each of them, a claim of the example must fail.

    mistakes.py MISTAKE [ARGUMENTS OF worker.py]
"""

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app"))
import storage  # noqa: E402
import video  # noqa: E402
import worker  # noqa: E402
from heartbeat import Heartbeat  # noqa: E402


def no_heartbeat():
    """The visibility timeout runs out while a worker works."""
    Heartbeat.beat = lambda self: None


def result_in_place():
    """A result is written where it will be read."""

    @contextlib.contextmanager
    def new_result(self, job):
        folder = self.results / job
        folder.mkdir()
        yield folder

    storage.Storage.new_result = new_result


def drops_pixels():
    """A video is scaled down by leaving out every second pixel."""
    video.halve = lambda plane, width, height: b"".join(
        plane[start : start + width : 2] for start in range(0, width * height, 2 * width)
    )


MISTAKES = {mistake.__name__: mistake for mistake in (no_heartbeat, result_in_place, drops_pixels)}
CHOICES = list(MISTAKES)

if __name__ == "__main__":
    MISTAKES[sys.argv.pop(1)]()
    worker.main()

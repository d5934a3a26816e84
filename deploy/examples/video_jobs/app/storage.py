"""A folder in the place of object storage: what is in it is whole, and stays as it is.

Both ends use it: the front end puts uploads in, workers read them and put results in. What a killed process leaves behind has a
name that begins with a dot; nobody reads it, and in earnest something would sweep it away by its age.
"""

import contextlib
import os
import pathlib
import shutil
import tempfile

CHUNK_BYTES = 256 * 1024


class Incomplete(Exception):
    """The sender stopped before all was there."""


class Storage:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.uploads, self.results = self.folder / "uploads", self.folder / "results"
        for part in (self.uploads, self.results):
            part.mkdir(parents=True, exist_ok=True)

    def put_upload(self, job, stream, length):
        """Takes so many bytes from a stream. They are on disk, under their name, when it returns; or nothing is."""
        with tempfile.NamedTemporaryFile(dir=self.uploads, prefix=".", delete=False) as file:
            try:
                while left := length - file.tell():
                    if not (chunk := stream.read(min(left, CHUNK_BYTES))):
                        raise Incomplete(f"{left} of {length} bytes are missing")
                    file.write(chunk)
                sync(file)
                os.rename(file.name, self.upload(job))
            except BaseException:
                os.unlink(file.name)
                raise
        sync_folder(self.uploads)

    def upload(self, job):
        return self.uploads / f"{job}.y4m"

    def result(self, job):
        """The folder with a job's result, or None."""
        path = self.results / job
        return path if path.is_dir() else None

    @contextlib.contextmanager
    def new_result(self, job):
        """A folder to be filled, which becomes the result if nothing goes wrong, and is deleted otherwise."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.results, prefix="."))
        try:
            yield folder
            for path in folder.iterdir():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
            sync_folder(folder)
            self.publish(folder, job)
            sync_folder(self.results)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder, job):
        """Gives it its name. If another worker was faster, its result stays: it is the same."""
        try:
            os.rename(folder, self.results / job)
        except OSError:
            if self.result(job) is None:
                raise


def sync(file):
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path):
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

"""Takes videos from users and says how their jobs are getting on. It never waits for a worker.

    frontend.py PORT STORAGE_FOLDER JOBS_QUEUE_URL REPORTS_QUEUE_URL DEAD_LETTERS_QUEUE_URL

    POST /videos     takes a video, and answers 202 with {"id": ..., "state": "queued"} once it and its job are safe
    GET /jobs/ID     the state of a job: queued, working, done (with the result) or failed (with the reason)
"""

import http.server
import json
import sys
import threading
import uuid

import boto3
import reports
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from events import tell
from jobs import Jobs
from storage import Incomplete, Storage

UPLOAD_BYTES_MAX = 256 * 1024 * 1024
# Uploads at the same time; who comes then is asked to come again.
UPLOADS_MAX = 32
SILENCE_S_MAX = 30
CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=30, max_pool_connections=UPLOADS_MAX, tcp_keepalive=True
)


class Refusal(Exception):
    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class FrontEnd:
    def __init__(self, sqs, jobs_url, jobs, storage):
        self.sqs, self.jobs_url, self.jobs, self.storage = sqs, jobs_url, jobs, storage
        self.places = threading.BoundedSemaphore(UPLOADS_MAX)

    def accept(self, stream, length):
        """The video first, the job after it: a worker must find what its job is about."""
        if not self.places.acquire(blocking=False):
            raise Refusal(503, "too many uploads at the same time")
        job = str(uuid.uuid4())
        try:
            self.storage.put_upload(job, stream, length)
            record = self.jobs.add(job)
            self.sqs.send_message(QueueUrl=self.jobs_url, MessageBody=json.dumps({"job": job}))
            return record
        except (Incomplete, TimeoutError, ConnectionError) as error:
            raise Refusal(400, f"the upload stopped: {error}") from None
        except (BotoCoreError, ClientError, OSError) as error:
            self.forget(job)
            tell("refused", error=str(error))
            raise Refusal(503, "the job could not be queued; try again") from None
        finally:
            self.places.release()

    def forget(self, job):
        """If its message was sent after all, a worker finds no upload, and nobody knows the job."""
        self.storage.upload(job).unlink(missing_ok=True)
        self.jobs.remove(job)

    def state(self, job):
        if (record := self.jobs.get(job)) is None:
            raise Refusal(404, "there is no such job")
        return record


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SILENCE_S_MAX
    # Head and body are two writes; the second must not wait until the first is acknowledged.
    disable_nagle_algorithm = True
    front_end = None

    def do_POST(self):
        self.answer(202, self.upload)

    def do_GET(self):
        self.answer(200, self.job)

    def upload(self):
        if self.path != "/videos":
            raise Refusal(404, "videos are posted to /videos")
        return self.front_end.accept(self.rfile, self.length())

    def job(self):
        folder, _, job = self.path.rpartition("/")
        if folder != "/jobs":
            raise Refusal(404, "there is nothing but /jobs/ID")
        return self.front_end.state(job)

    def length(self):
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refusal(411, "an upload says its length")
        if not 0 < int(length) <= UPLOAD_BYTES_MAX:
            raise Refusal(413 if int(length) else 400, f"a video has 1 to {UPLOAD_BYTES_MAX} bytes")
        return int(length)

    def answer(self, status, make):
        try:
            body = make()
        except Refusal as refusal:
            status, body = refusal.status, {"error": str(refusal)}
            # Of what was sent, something may not have been read.
            self.close_connection = True
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            # Nobody listens any more.
            self.close_connection = True

    def log_message(self, *_):
        """Each request is not worth a line."""


class Server(http.server.ThreadingHTTPServer):
    # Connections that wait to be taken.
    request_queue_size = 128


def main():
    port, folder, jobs_url, reports_url, dead_url = sys.argv[1:]
    sqs, storage = boto3.client("sqs", config=CONFIG), Storage(folder)
    jobs = Jobs(storage.folder / "jobs")
    reports.listen(sqs, reports_url, reports.take_report(jobs))
    reports.listen(sqs, dead_url, reports.take_dead_letter(jobs))
    Handler.front_end = FrontEnd(sqs, jobs_url, jobs, storage)
    Server(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()

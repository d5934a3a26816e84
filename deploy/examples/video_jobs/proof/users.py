"""People who upload videos and look how their jobs are getting on."""

import http.client
import json
import time

ANSWER_S_MAX = 60


class User:
    """One person with one connection, who notes how long the front end takes."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S_MAX)
        self.took_ms = []

    def upload(self, video):
        """The id of the job, or None if the video was not taken."""
        begun = time.monotonic()
        status, answer = self.ask("POST", "/videos", video)
        self.took_ms.append((time.monotonic() - begun) * 1000)
        return answer["id"] if status == 202 else None

    def job(self, job):
        return self.ask("GET", f"/jobs/{job}")[1]

    def ask(self, method, path, body=None, headers={}):
        """Status and answer."""
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())


def bad_requests(port):
    """What the front end answers to requests that make no sense: pairs of what is found and what is due."""
    requests = [
        (404, "GET", "/jobs/unknown", None, {}),
        (404, "GET", "/jobs/..%2F..%2Fsecret", None, {}),
        (404, "POST", "/elsewhere", b"video", {}),
        (400, "POST", "/videos", b"", {}),
        (411, "POST", "/videos", None, {"content-length": "many"}),
        (413, "POST", "/videos", None, {"content-length": str(10**12)}),
    ]
    return [(User(port).ask(*request)[0], due, *request[:2]) for due, *request in requests]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

"""A tiny client of AWS JSON 1.0, for what SDKs do not show: namespaces, headers, media types."""

import json
import urllib.error
import urllib.request

from query import AUTHORIZATION

CONTENT_TYPE = "application/x-amz-json-1.0"


class Refused(Exception):
    """An error, with the code that it has in the query protocol."""

    def __init__(self, status, shape, query_error, message):
        super().__init__(f"{status} {shape} {query_error}: {message}")
        self.status, self.shape, self.query_error, self.message = status, shape, query_error, message


class AwsJson:
    """Calls one node."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def __call__(self, operation, **arguments):
        request = urllib.request.Request(self.endpoint + "/", json.dumps(arguments).encode())
        request.add_header("Content-Type", CONTENT_TYPE)
        request.add_header("X-Amz-Target", f"AmazonSQS.{operation}")
        request.add_header("X-Amz-Date", "20260101T000000Z")
        request.add_header("Authorization", AUTHORIZATION)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return _read(reply)
        except urllib.error.HTTPError as error:
            body = _read(error)
            assert set(body) == {"__type", "message"}, body
            query_error = error.headers["x-amzn-query-error"]
            raise Refused(error.code, body["__type"], query_error, body["message"]) from None


def _read(reply):
    assert reply.headers["Content-Type"] == CONTENT_TYPE, reply.headers["Content-Type"]
    assert reply.headers["x-amzn-RequestId"], "no request id"
    return json.loads(reply.read() or "{}")

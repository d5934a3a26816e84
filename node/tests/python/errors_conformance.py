#!/usr/bin/env python3
"""Every error that a request can cause, in both protocols as they are on the wire, and as boto3 shows it.

    errors_conformance.py URL [URL ...]

The nodes must have been started with `--max-polls 2`, so that a third one is throttled. The model that
boto3 comes with says which operation has which errors: none is forgotten.
"""

import contextlib
import sys
from types import SimpleNamespace

import query
from aws_json import AwsJson
from aws_json import Refused as RefusedInJson
from botocore import xform_name
from botocore.exceptions import ClientError
from cluster import Cluster, client, equal, one
from error_rows import rows
from error_table import ERRORS, MODEL, NO_CAUSE, NO_QUEUE_URL, SHOWN_ONCE
from spent_polls import spent_polls


def fixture(cluster):
    """Queues and receipt handles of all kinds that errors are about."""
    sqs = cluster.node(0)
    url, fifo_url, other = cluster.queue("errors"), cluster.queue("errors", fifo=True), cluster.queue("other")

    def handle(queue, **arguments):
        sqs.send_message(QueueUrl=queue, MessageBody="m", **arguments)
        return one(sqs, queue)["ReceiptHandle"]

    gone = handle(url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=gone)
    visible_again = handle(url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=visible_again, VisibilityTimeout=0)
    expired = handle(fifo_url, MessageGroupId="g", MessageDeduplicationId="d")
    sqs.change_message_visibility(QueueUrl=fifo_url, ReceiptHandle=expired, VisibilityTimeout=0)
    one(sqs, fifo_url)
    purged, deleted = cluster.queue("purged"), cluster.queue("deleted")
    sqs.purge_queue(QueueUrl=purged)
    sqs.delete_queue(QueueUrl=deleted)
    reply = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return SimpleNamespace(
        url=url,
        arn=reply["Attributes"]["QueueArn"],
        name=url.rsplit("/", 1)[1],
        fifo_url=fifo_url,
        gone=gone,
        visible_again=visible_again,
        expired=expired,
        foreign=handle(other),
        purged=purged,
        deleted=deleted.rsplit("/", 1)[1],
        polled=cluster.queue("polled"),
    )


def in_json(endpoint, row):
    error = ERRORS[row.error]
    try:
        AwsJson(endpoint)(row.operation, **row.arguments)
    except RefusedInJson as refused:
        found = (refused.status, refused.shape, refused.query_error, refused.message)
        expected = (error.json_status, f"{error.namespace}#{row.error}", f"{error.code};Sender", row.message)
        return equal(found, expected, "error in JSON")
    raise AssertionError("accepted in JSON")


def in_query(endpoint, row):
    error = ERRORS[row.error]
    try:
        query.Query(endpoint)(row.operation, **query.form(row.operation, row.arguments))
    except query.Refused as refused:
        found = (refused.status, refused.kind, refused.code, refused.message)
        expected = (error.query_status, "Sender", error.code, row.query_message or row.message)
        return equal(found, expected, "error in XML")
    raise AssertionError("accepted in a query")


def in_boto3(endpoint, row):
    error = ERRORS[row.error]
    sqs = client(endpoint, parameter_validation=False)
    try:
        getattr(sqs, xform_name(row.operation))(**row.arguments)
    except ClientError as refused:
        status, found = refused.response["ResponseMetadata"]["HTTPStatusCode"], refused.response["Error"]
        expected = {"Code": error.code, "QueryErrorCode": row.error, "Type": "Sender", "Message": row.message}
        equal((status, found), (error.json_status, expected), "error in boto3")
        if error.namespace == MODEL:
            assert isinstance(refused, getattr(sqs.exceptions, row.error)), type(refused)
        return None
    raise AssertionError("accepted in boto3")


def model_is_covered(table):
    """Every error of every operation has a row, or a reason why nothing causes it."""
    model = client("http://localhost").meta.service_model
    have = {(row.operation, row.error) for row in table}
    shown = {error for _, error in have}
    for operation in model.operation_names:
        for shape in model.operation_model(operation).error_shapes:
            elsewhere = shape.name in SHOWN_ONCE and shape.name in shown
            without_url = shape.name == "InvalidAddress" and operation in NO_QUEUE_URL
            known = shape.name in NO_CAUSE or elsewhere or without_url
            assert known or (operation, shape.name) in have, f"no row for {shape.name} of {operation}"


def unknown_operations(endpoint):
    """An operation that is none has a code of its own in each protocol; lists belong to no queue's path."""
    calls = [
        (AwsJson(endpoint), ["MakeCoffee"]),
        (query.Query(endpoint), ["MakeCoffee"]),
        (query.Query(endpoint), ["ListQueues", "http://localhost/000000000000/queue"]),
    ]
    for call, arguments in calls:
        try:
            call(*arguments)
        except RefusedInJson as refused:
            found = (refused.status, refused.shape.split("#")[1], refused.query_error)
            equal(found, (400, "UnknownOperationException", "UnknownOperationException;Sender"), "error in JSON")
        except query.Refused as refused:
            equal((refused.status, refused.kind, refused.code), (400, "Sender", "InvalidAction"), "error in XML")
        else:
            raise AssertionError(f"{arguments} was accepted")


def failures(endpoint, row):
    """What is wrong with a row, in each way to ask."""
    found = []
    for ask in (in_json, in_query, in_boto3):
        try:
            ask(endpoint, row)
        except AssertionError as failure:
            found.append(f"{row.operation} {row.error} {str(row.arguments)[:200]}\n    {failure}")
    return found


def main(endpoints):
    cluster = Cluster([endpoint.rstrip("/") for endpoint in endpoints])
    endpoint = cluster.endpoints[0]
    at = fixture(cluster)
    table = rows(at)
    model_is_covered(table)
    unknown_operations(endpoint)
    found = []
    for row in table:
        with spent_polls(endpoint, at.polled) if row.error == "RequestThrottled" else contextlib.nullcontext():
            found += failures(endpoint, row)
    cluster.clean()
    print(*found, f"{len(table)} ways to {len({row.error for row in table})} errors, {len(found)} failures", sep="\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

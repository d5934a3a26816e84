"""Permissions: statements in a queue's policy."""

import concurrent.futures
import json

from cluster import check, equal, invalid, refused

ALICE, BOB = "111111111111", "222222222222"


def _policy(sqs, url):
    reply = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    text = reply.get("Attributes", {}).get("Policy")
    return text and json.loads(text)


def _add(sqs, url, label, accounts=(ALICE,), actions=("SendMessage",)):
    sqs.add_permission(QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions))


@check
def permissions(cluster):
    """are statements of the policy, each named by its label; the last one takes the policy along"""
    for fifo in (False, True):
        url = cluster.queue("shared", fifo)
        name = url.rsplit("/", 1)[1]
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        _add(cluster.node(0), url, "send")
        one = {
            "Sid": "send",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ALICE}:root"},
            "Action": "SQS:SendMessage",
            "Resource": arn,
        }
        whole = {"Version": "2008-10-17", "Id": f"{arn}/SQSDefaultPolicy", "Statement": [one]}
        equal(_policy(cluster.node(1), url), whole, "policy")
        _add(cluster.node(1), url, "all", (ALICE, BOB), ("*", "PurgeQueue"))
        two = {
            **one,
            "Sid": "all",
            "Principal": {"AWS": [f"arn:aws:iam::{id}:root" for id in (ALICE, BOB)]},
            "Action": ["SQS:*", "SQS:PurgeQueue"],
        }
        equal(_policy(cluster.node(2), url), {**whole, "Statement": [one, two]}, "policy")
        cluster.node(2).remove_permission(QueueUrl=url, Label="send")
        equal(_policy(cluster.node(0), url), {**whole, "Statement": [two]}, "policy")
        cluster.node(0).remove_permission(QueueUrl=url, Label="all")
        equal(_policy(cluster.node(1), url), None, "policy")


@check
def permissions_in_a_policy_of_ones_own(cluster):
    """a policy that was set as a whole gets statements and keeps what it has"""
    sqs = cluster.node(1)
    own = {"Version": "2008-10-17", "Statement": {"Sid": "own", "Effect": "Deny", "Principal": "*",
           "Action": "SQS:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}}
    url = cluster.queue("own", Policy=json.dumps(own))
    equal(_policy(sqs, url), own, "policy")
    _add(sqs, url, "send")
    found = _policy(cluster.node(2), url)
    equal((found["Version"], found["Statement"][0]), ("2008-10-17", own["Statement"]), "version and statement")
    equal([statement["Sid"] for statement in found["Statement"]], ["own", "send"], "labels")
    cluster.node(2).remove_permission(QueueUrl=url, Label="own")
    equal([statement["Sid"] for statement in _policy(sqs, url)["Statement"]], ["send"], "labels")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    equal(_policy(cluster.node(0), url), None, "policy")


@check
def permissions_are_checked(cluster):
    """labels, accounts and actions, with the texts that AWS answers"""
    sqs, url = cluster.node(2), cluster.queue("unshared")
    good = {"QueueUrl": url, "Label": "send", "AWSAccountIds": [ALICE], "Actions": ["SendMessage"]}
    value = lambda text, name, reason: f"Value {text} for parameter {name} is invalid. Reason: {reason}"  # noqa: E731
    message = invalid(sqs.remove_permission, QueueUrl=url, Label="never")
    equal(message, value("never", "Label", "can't find label."), "message without a policy")
    sqs.add_permission(**good)
    equal(invalid(sqs.add_permission, **good), value("send", "Label", "Already exists."), "message")
    equal(
        invalid(sqs.remove_permission, QueueUrl=url, Label="never"),
        value("never", "Label", "can't find label on existing policy."),
        "message",
    )
    good["Label"] = "other"
    for label in ["a b", "l" * 81, "é"]:
        invalid(sqs.add_permission, **{**good, "Label": label})
    for accounts in [["me"], ["1" * 11], [ALICE, "x"], []]:
        message = invalid(sqs.add_permission, **{**good, "AWSAccountIds": accounts})
        equal(message, value(f"[{', '.join(accounts)}]", "PrincipalId", "Unable to verify."), "message")
    owner = "Only the queue owner is allowed to invoke this action."
    message = invalid(sqs.add_permission, **{**good, "Actions": ["SendMessage", "DeleteQueue"]})
    equal(message, value("SQS:DeleteQueue", "ActionName", owner), "message")
    invalid(sqs.add_permission, **{**good, "Actions": ["MakeCoffee"]})
    refused("MissingParameter", sqs.add_permission, **{**good, "Actions": []})
    message = refused("OverLimit", sqs.add_permission, status=403, **{**good, "Actions": ["SendMessage"] * 8})
    equal(message, "8 Actions were found, maximum allowed is 7.", "message")
    equal(len(_policy(sqs, url)["Statement"]), 1, "statements after refusals")


@check
def permissions_at_once(cluster):
    """permissions that are added and removed at all nodes at once do not lose one another; at most 20"""
    url = cluster.queue("shared-at-once")
    labels = [f"l{n}" for n in range(20)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: _add(cluster.node(n), url, labels[n]), range(20)))
        found = _policy(cluster.node(0), url)["Statement"]
        equal(sorted(statement["Sid"] for statement in found), sorted(labels), "labels")
        one_more = {"Label": "more", "AWSAccountIds": [ALICE], "Actions": ["SendMessage"]}
        refused("OverLimit", cluster.node(1).add_permission, status=403, QueueUrl=url, **one_more)
        remove = lambda n: cluster.node(n).remove_permission(QueueUrl=url, Label=labels[n])  # noqa: E731
        list(pool.map(remove, range(1, 20)))
    equal([statement["Sid"] for statement in _policy(cluster.node(2), url)["Statement"]], ["l0"], "labels")

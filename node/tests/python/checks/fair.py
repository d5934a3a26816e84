"""Fair queues: message groups on standard queues are tenants, none of which has all consumers to itself."""

from cluster import check, equal, invalid, one, receive, receive_exactly


def _send(sqs, url, tenant, count):
    """So many messages of a tenant, in batches; their bodies begin with its name."""
    entries = [
        {"Id": str(i), "MessageBody": f"{tenant}-{i}", "MessageGroupId": tenant} for i in range(count)
    ]
    for start in range(0, count, 10):
        reply = sqs.send_message_batch(QueueUrl=url, Entries=entries[start : start + 10])
        assert "Failed" not in reply, reply["Failed"]


def _tenants(messages):
    return [message["Attributes"].get("MessageGroupId") for message in messages]


@check
def groups_of_a_standard_queue(cluster):
    """a standard queue takes messages with a group, says it to receivers, and has no sequence numbers"""
    url = cluster.queue("groups")
    single = cluster.node(0).send_message(QueueUrl=url, MessageBody="single", MessageGroupId="g")
    assert "SequenceNumber" not in single, single
    entries = [{"Id": "a", "MessageBody": "entry", "MessageGroupId": "h"}, {"Id": "b", "MessageBody": "none"}]
    batch = cluster.node(1).send_message_batch(QueueUrl=url, Entries=entries)
    assert all("SequenceNumber" not in sent for sent in batch["Successful"]), batch
    found = receive_exactly(cluster.node(2), url, 3)
    groups = {m["Body"]: m["Attributes"].get("MessageGroupId") for m in found}
    equal(groups, {"single": "g", "entry": "h", "none": None}, "groups")
    assert all("SequenceNumber" not in m["Attributes"] for m in found), found


@check
def groups_of_a_standard_queue_have_no_lock(cluster):
    """messages of one group are with several consumers at a time"""
    url = cluster.queue("no-lock")
    _send(cluster.node(0), url, "g", 3)
    found = [one(cluster.node(i), url, most=1, wait=0)["Body"] for i in range(3)]
    equal(sorted(found), ["g-0", "g-1", "g-2"], "bodies")


@check
def a_tenant_with_many_in_flight_waits(cluster):
    """a tenant with more in flight than its share comes after one that has just begun"""
    url = cluster.queue("noisy", VisibilityTimeout="60")
    _send(cluster.node(0), url, "noisy", 60)
    # More than AWS's threshold of 30 in flight.
    receive_exactly(cluster.node(1), url, 40)
    _send(cluster.node(2), url, "quiet", 3)
    found = _tenants(receive_exactly(cluster.node(0), url, 3, most=1))
    equal(found[0], "quiet", "the first one's tenant")
    rest = receive_exactly(cluster.node(1), url, 20)
    equal(sorted(found + _tenants(rest)), ["noisy"] * 20 + ["quiet"] * 3, "tenants")


@check
def a_tenant_with_a_backlog_waits(cluster):
    """one consumer that deletes what it receives does not work off a backlog before it sees to others"""
    url = cluster.queue("backlog")
    _send(cluster.node(0), url, "noisy", 40)

    def work(count):
        for _ in range(count):
            message = receive(cluster.node(1), url, most=1)[0]
            cluster.node(2).delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            yield message

    equal(_tenants(work(15)), ["noisy"] * 15, "tenants")
    _send(cluster.node(0), url, "quiet", 2)
    equal(_tenants(work(3)), ["quiet", "quiet", "noisy"], "tenants")


@check
def sends_to_tenants_are_checked(cluster):
    """a group is well formed on standard queues, too, and a deduplication id has no place there"""
    url, sqs = cluster.queue("checked"), cluster.node(0)
    for bad in [
        {"MessageGroupId": "sp ace"},
        {"MessageGroupId": "x" * 129},
        {"MessageGroupId": "g", "MessageDeduplicationId": "d"},
    ]:
        invalid(sqs.send_message, QueueUrl=url, MessageBody="m", **bad)
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageGroupId="!~" * 64)
    equal(_tenants([one(sqs, url)]), ["!~" * 64], "group")

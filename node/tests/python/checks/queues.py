"""Queues: create, find, list, purge, delete."""

from cluster import check, client, equal, invalid, none, one, receive, refused

NOT_THERE = "AWS.SimpleQueueService.NonExistentQueue"


@check
def create_is_idempotent(cluster):
    """the same queue with the same or fewer attributes is the same URL, but for the host that was called"""
    name = cluster.name("again")
    first = cluster.node(0).create_queue(QueueName=name, Attributes={"VisibilityTimeout": "41"})
    cluster.remember(first["QueueUrl"])
    same = cluster.node(1).create_queue(QueueName=name, Attributes={"VisibilityTimeout": "41"})
    fewer = cluster.node(2).create_queue(QueueName=name)
    paths = [reply["QueueUrl"].split("/", 3)[3] for reply in (first, same, fewer)]
    equal(paths, [f"000000000000/{name}"] * 3, "paths of the URLs")
    assert first["QueueUrl"].endswith(f"/000000000000/{name}"), first["QueueUrl"]


@check
def create_with_other_attributes_conflicts(cluster):
    """an existing queue with other attributes is refused"""
    name = cluster.name("other")
    url = cluster.node(0).create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"]
    cluster.remember(url)
    message = refused(
        "QueueAlreadyExists", cluster.node(1).create_queue, "QueueNameExists",
        QueueName=name, Attributes={"DelaySeconds": "2"},
    )
    equal(
        message,
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
        "message",
    )


@check
def names_are_checked(cluster):
    """at most 80 of letters, digits, - and _; .fifo with FifoQueue only, and the other way round"""
    create = cluster.node(0).create_queue
    for name in ["a" * 81, "white space", "dot.ted", "ümlaut", "plain.fifo"]:
        invalid(create, QueueName=name)
    invalid(create, QueueName="no-suffix", Attributes={"FifoQueue": "true"})
    longest = cluster.name("x").ljust(80, "y")
    cluster.remember(create(QueueName=longest)["QueueUrl"])


@check
def get_queue_url(cluster):
    """finds the URL on every node, and says when there is no such queue"""
    name = cluster.name("find")
    url = cluster.node(0).create_queue(QueueName=name)["QueueUrl"]
    cluster.remember(url)
    for sqs in cluster.nodes:
        found = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        # A node may name itself in the URL; the path is what identifies the queue.
        equal(found.rsplit("/", 2)[1:], url.rsplit("/", 2)[1:], "account and name")
        sqs.get_queue_attributes(QueueUrl=found, AttributeNames=["QueueArn"])
    message = refused(NOT_THERE, cluster.node(0).get_queue_url, "QueueDoesNotExist", QueueName=name + "x")
    assert message.startswith("The specified queue does not exist"), message


@check
def list_queues(cluster):
    """lists by prefix, in pages, and leaves the member out when there is nothing"""
    stem = cluster.name("list")
    names = [f"{stem}-{i}" for i in range(5)]
    for i, name in enumerate(names):
        cluster.remember(cluster.node(i).create_queue(QueueName=name)["QueueUrl"])
    sqs = cluster.node(1)
    everything = sqs.list_queues(QueueNamePrefix=stem)
    equal(sorted(_names(everything)), names, "names")
    assert "NextToken" not in everything, everything

    pages, token = [], {}
    while True:
        page = sqs.list_queues(QueueNamePrefix=stem, MaxResults=2, **token)
        pages.append(_names(page))
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert all(len(page) <= 2 for page in pages) and len(pages) >= 3, pages
    equal(sorted(sum(pages, [])), names, "names over pages")

    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=stem + "-none"), "an empty list"
    for size in (0, 1001):
        invalid(sqs.list_queues, MaxResults=size)


@check
def list_queues_tokens(cluster):
    """a token goes on where its page ended, whatever has changed, and belongs to what was asked"""
    stem = cluster.name("token")
    urls = [cluster.node(i).create_queue(QueueName=f"{stem}-{i}")["QueueUrl"] for i in range(4)]
    for url in urls:
        cluster.remember(url)
    first = cluster.node(0).list_queues(QueueNamePrefix=stem, MaxResults=2)
    token = {"MaxResults": 2, "NextToken": first["NextToken"]}
    cluster.node(1).delete_queue(QueueUrl=urls[1])
    cluster.remember(cluster.node(2).create_queue(QueueName=f"{stem}-0-late")["QueueUrl"])
    second = cluster.node(2).list_queues(QueueNamePrefix=stem, **token)
    equal(_names(second), [f"{stem}-2", f"{stem}-3"], "names")
    assert "NextToken" not in second, second
    # Without a limit there are up to 1000, and never a token.
    rest = cluster.node(1).list_queues(QueueNamePrefix=stem, NextToken=first["NextToken"])
    equal(_names(rest), [f"{stem}-2", f"{stem}-3"], "names")
    invalid(cluster.node(0).list_queues, QueueNamePrefix=stem + "-", **token)
    invalid(cluster.node(0).list_queues, **token)
    invalid(cluster.node(0).list_queues, QueueNamePrefix=stem, MaxResults=2, NextToken="made up")


def _names(reply):
    return [url.rsplit("/", 1)[1] for url in reply.get("QueueUrls", [])]


@check
def purge(cluster):
    """removes visible, delayed and in-flight messages; again within 60 s is refused"""
    url = cluster.queue("purge")
    sqs = cluster.node(1)
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    one(sqs, url)
    sqs.send_message(QueueUrl=url, MessageBody="visible")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    cluster.node(2).purge_queue(QueueUrl=url)
    none(cluster.node(0), url, wait=2)
    message = refused(
        "AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, "PurgeQueueInProgress",
        status=403, QueueUrl=url,
    )
    name = url.rsplit("/", 1)[1]
    equal(message, f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.", "message")
    sqs.send_message(QueueUrl=url, MessageBody="after")
    equal(one(sqs, url)["Body"], "after", "body")


@check
def delete_queue(cluster):
    """a deleted queue is gone on every node, and its name is taken for 60 s"""
    name = cluster.name("gone")
    url = cluster.node(0).create_queue(QueueName=name)["QueueUrl"]
    cluster.node(1).send_message(QueueUrl=url, MessageBody="lost with it")
    cluster.node(1).delete_queue(QueueUrl=url)
    for sqs in cluster.nodes:
        refused(NOT_THERE, sqs.send_message, "QueueDoesNotExist", QueueUrl=url, MessageBody="m")
        refused(NOT_THERE, sqs.get_queue_url, "QueueDoesNotExist", QueueName=name)
    refused(
        "AWS.SimpleQueueService.QueueDeletedRecently", cluster.node(2).create_queue,
        "QueueDeletedRecently", QueueName=name,
    )


@check
def every_operation_misses_a_queue(cluster):
    """every operation on an unknown queue says so"""
    sqs = cluster.node(0)
    url = cluster.queue("missing") + "-never"
    entry = {"Id": "1"}
    calls = [
        (sqs.delete_queue, {}),
        (sqs.purge_queue, {}),
        (sqs.get_queue_attributes, {"AttributeNames": ["All"]}),
        (sqs.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
        (sqs.add_permission, {"Label": "l", "AWSAccountIds": ["1" * 12], "Actions": ["SendMessage"]}),
        (sqs.remove_permission, {"Label": "l"}),
        (sqs.list_dead_letter_source_queues, {}),
        (sqs.tag_queue, {"Tags": {"a": "b"}}),
        (sqs.untag_queue, {"TagKeys": ["a"]}),
        (sqs.list_queue_tags, {}),
        (sqs.send_message, {"MessageBody": "m"}),
        (sqs.send_message_batch, {"Entries": [{**entry, "MessageBody": "m"}]}),
        (sqs.receive_message, {}),
        (sqs.delete_message, {"ReceiptHandle": "r"}),
        (sqs.delete_message_batch, {"Entries": [{**entry, "ReceiptHandle": "r"}]}),
        (sqs.change_message_visibility, {"ReceiptHandle": "r", "VisibilityTimeout": 1}),
        (
            sqs.change_message_visibility_batch,
            {"Entries": [{**entry, "ReceiptHandle": "r", "VisibilityTimeout": 1}]},
        ),
    ]
    for call, arguments in calls:
        refused(NOT_THERE, call, "QueueDoesNotExist", QueueUrl=url, **arguments)


@check
def nodes_agree_at_once(cluster):
    """what one node has acknowledged, the next one knows"""
    for i in range(6):
        url = cluster.node(i).create_queue(QueueName=cluster.name("agree"))["QueueUrl"]
        cluster.remember(url)
        cluster.node(i + 1).send_message(QueueUrl=url, MessageBody=str(i))
        messages = receive(cluster.node(i + 2), url, wait=0)
        equal([m["Body"] for m in messages], [str(i)], "bodies")


@check
def urls_name_an_account_and_a_queue(cluster):
    """the host of a queue URL does not matter, the account does: it may be another one than the caller's"""
    name = cluster.name("url")
    cluster.remember(cluster.node(0).create_queue(QueueName=name)["QueueUrl"])
    for host in ["http://elsewhere:1", "https://sqs.us-east-1.amazonaws.com", ""]:
        cluster.node(1).send_message(QueueUrl=f"{host}/000000000000/{name}", MessageBody="m")
    other = f"http://elsewhere:1/111111111111/{name}"
    refused(NOT_THERE, cluster.node(1).send_message, "QueueDoesNotExist", QueueUrl=other, MessageBody="m")
    guest = client(cluster.endpoints[0], account="222222222222")
    guest.tag_queue(QueueUrl=f"http://elsewhere:1/000000000000/{name}", Tags={"guest": ""})
    refused(NOT_THERE, guest.get_queue_url, "QueueDoesNotExist", QueueName=name)
    found = guest.get_queue_url(QueueName=name, QueueOwnerAWSAccountId="000000000000")["QueueUrl"]
    equal(guest.list_queue_tags(QueueUrl=found)["Tags"], {"guest": ""}, "tags")

"""Tags of queues."""

import concurrent.futures

from cluster import check, equal, invalid, refused


def _tags(sqs, url):
    reply = sqs.list_queue_tags(QueueUrl=url)
    # AWS leaves the member out when there is nothing.
    assert reply.get("Tags") != {}, "an empty map of tags"
    return reply.get("Tags", {})


@check
def tags(cluster):
    """what one node adds, the next one shows and replaces; keys are case-sensitive; unknown keys go silently"""
    url = cluster.queue("tags")
    equal(_tags(cluster.node(0), url), {}, "tags of a new queue")
    cluster.node(0).tag_queue(QueueUrl=url, Tags={"team": "shop", "Team": "", "cost centre": "Zürich @7"})
    cluster.node(1).tag_queue(QueueUrl=url, Tags={"team": "yard"})
    equal(_tags(cluster.node(2), url), {"team": "yard", "Team": "", "cost centre": "Zürich @7"}, "tags")
    cluster.node(2).untag_queue(QueueUrl=url, TagKeys=["team", "never"])
    equal(_tags(cluster.node(0), url), {"Team": "", "cost centre": "Zürich @7"}, "tags")
    cluster.node(1).untag_queue(QueueUrl=url, TagKeys=["Team", "cost centre"])
    equal(_tags(cluster.node(2), url), {}, "tags")


@check
def tags_of_a_new_queue(cluster):
    """CreateQueue takes tags; they do not distinguish a queue"""
    name = cluster.name("tagged")
    for n, given in enumerate([{"a": "1"}, {"a": "2"}, {}]):
        cluster.remember(cluster.node(n).create_queue(QueueName=name, tags=given)["QueueUrl"])
    url = cluster.node(0).get_queue_url(QueueName=name)["QueueUrl"]
    equal(_tags(cluster.node(0), url), {"a": "1"}, "tags")


@check
def tags_have_limits(cluster):
    """50 a queue, all or none; keys of 1 to 128 characters, values of up to 256; aws: is reserved"""
    sqs, url = cluster.node(1), cluster.queue("tag-limits")
    sqs.tag_queue(QueueUrl=url, Tags={f"k{i}": "" for i in range(49)})
    name = url.rsplit("/", 1)[1]
    message = invalid(sqs.tag_queue, QueueUrl=url, Tags={"one": "", "two": ""})
    equal(message, f"Too many tags added for queue {name}.", "message")
    sqs.tag_queue(QueueUrl=url, Tags={"k" * 128: "v" * 256, "k0": "new"})
    equal(len(_tags(sqs, url)), 50, "tags")
    for bad in [{"": ""}, {"k" * 129: ""}, {"k0": "v" * 257}, {"aws:k": ""}, {"k#": ""}, {"k0": "v!"}]:
        invalid(sqs.tag_queue, QueueUrl=url, Tags=bad)
        invalid(sqs.create_queue, QueueName=cluster.name("never"), tags=bad)
    refused("MissingParameter", sqs.tag_queue, QueueUrl=url, Tags={})
    invalid(sqs.untag_queue, QueueUrl=url, TagKeys=[])
    equal(_tags(sqs, url)["k0"], "new", "value after refusals")


@check
def tags_at_once(cluster):
    """changes that come to all nodes at once are all there in the end"""
    url = cluster.queue("tags-at-once")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: cluster.node(n).tag_queue(QueueUrl=url, Tags={f"k{n}": str(n)}), range(18)))
    equal(_tags(cluster.node(0), url), {f"k{n}": str(n) for n in range(18)}, "tags")

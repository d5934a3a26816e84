"""A tiny client of the query protocol, which SDKs spoke before AWS JSON and many tools still do.

Requests are forms, replies are XML. It signs nothing but names the region as a signature would.
"""

import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)


class Refused(Exception):
    """An ErrorResponse."""

    def __init__(self, status, kind, code, message):
        super().__init__(f"{status} {kind} {code}: {message}")
        self.status, self.kind, self.code, self.message = status, kind, code, message


class Query:
    """Calls one node."""

    def __init__(self, endpoint):
        self.endpoint = endpoint

    def __call__(self, action, url=None, get=False, **parameters):
        """Calls and returns the element `<Action>Result`, or None where the operation has none.

        `url` posts to that queue URL's path in place of the endpoint; names with dots are passed as
        `**{"Attribute.1.Name": ...}`.
        """
        form = {"Action": action, "Version": "2012-11-05", **{k: str(v) for k, v in parameters.items()}}
        data = urllib.parse.urlencode(form)
        target = self.endpoint + (urllib.parse.urlparse(url).path if url else "/")
        request = (
            urllib.request.Request(f"{target}?{data}")
            if get
            else urllib.request.Request(target, data.encode())
        )
        request.add_header("Authorization", AUTHORIZATION)
        request.add_header("X-Amz-Date", "20260101T000000Z")
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return _result(action, reply.headers.get_content_type(), reply.read())
        except urllib.error.HTTPError as error:
            raise _refused(error.code, error.read()) from None


def _result(action, content_type, body):
    assert content_type in ("text/xml", "application/xml"), content_type
    root = _parse(body, f"{action}Response")
    assert root.findtext("ResponseMetadata/RequestId"), "no request id"
    return root.find(f"{action}Result")


def _refused(status, body):
    root = _parse(body, "ErrorResponse")
    assert root.findtext("RequestId"), "no request id"
    error = root.find("Error")
    return Refused(status, error.findtext("Type"), error.findtext("Code"), error.findtext("Message"))


def _parse(body, name):
    """The root, which must have this name and the namespace; names below lose the namespace."""
    root = ElementTree.fromstring(body)
    prefix = "{" + NAMESPACE + "}"
    assert root.tag == prefix + name, f"{root.tag} is not {prefix}{name}"
    for element in root.iter():
        element.tag = element.tag.removeprefix(prefix)
    return root


def numbered(member, items):
    """Parameters of a flattened list: `Member.1`, or `Member.1.Key` where the items are dicts."""
    parameters = {}
    for i, item in enumerate(items, 1):
        if isinstance(item, dict):
            parameters.update({f"{member}.{i}.{key}": value for key, value in item.items()})
        else:
            parameters[f"{member}.{i}"] = item
    return parameters


def named(member, values):
    """Parameters of a flattened map of names to values."""
    return numbered(member, [{"Name": name, "Value": value} for name, value in values.items()])


def pairs(element, member):
    """A flattened map in a reply."""
    return {entry.findtext("Name"): entry.findtext("Value") for entry in element.findall(member)}


# What one item of a list or a map is called; the items of a map have two names more.
_LISTS = {
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "StringListValues": "StringListValue",
    "TagKeys": "TagKey",
}
_MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
}


def form(action, arguments, prefix=""):
    """The parameters that stand for a call's arguments as AWS JSON has them."""
    parameters = {}
    for name, value in arguments.items():
        if name in _MAPS:
            item, key, content = _MAPS[name]
            value, name = [{key: k, content: v} for k, v in value.items()], item
        elif name == "Entries":
            name = f"{action}RequestEntry"
        else:
            name = _LISTS.get(name, name)
        if isinstance(value, list):
            for i, item in enumerate(value, 1):
                parameters.update(form(action, {f"{name}.{i}": item}, prefix))
        elif isinstance(value, dict):
            parameters.update(form(action, value, f"{prefix}{name}."))
        else:
            parameters[prefix + name] = value
    return parameters

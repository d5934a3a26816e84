"""The digest of message attributes, which SDKs compare."""

import hashlib
import struct


def digest(attributes):
    """MD5OfMessageAttributes by the documented algorithm, independent of any SDK."""
    md5 = hashlib.md5()

    def part(data):
        md5.update(struct.pack(">I", len(data)) + data)

    for name in sorted(attributes):
        value = attributes[name]
        part(name.encode())
        part(value["DataType"].encode())
        binary = value["DataType"].startswith("Binary")
        md5.update(b"\x02" if binary else b"\x01")
        part(value["BinaryValue"] if binary else value["StringValue"].encode())
    return md5.hexdigest()

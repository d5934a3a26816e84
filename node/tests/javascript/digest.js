"use strict";
/** The digest of message attributes, by the documented algorithm: the SDK does not look at it. */

const { createHash } = require("node:crypto");

function digest(attributes) {
  const md5 = createHash("md5");
  const part = (data) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(data));
    md5.update(length).update(data);
  };
  for (const name of Object.keys(attributes).sort()) {
    const { DataType, StringValue, BinaryValue } = attributes[name];
    part(name);
    part(DataType);
    md5.update(Buffer.from([BinaryValue ? 2 : 1]));
    part(BinaryValue ?? StringValue);
  }
  return md5.digest("hex");
}

module.exports = { digest };

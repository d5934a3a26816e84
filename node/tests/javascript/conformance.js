"use strict";
/**
 * What applications on the AWS SDK for JavaScript rely on, check by check.
 *
 *     node conformance.js URL [URL ...]
 *
 * The URLs are the nodes of one cluster; calls of one check go to different nodes on purpose. The modules of
 * package-lock.json are looked for where NODE_PATH says. The SDK itself compares the MD5 of bodies.
 */

const { after, describe } = require("node:test");
const { clean } = require("./cluster");

/** Many checks wait for timeouts, so that several at once cost little. */
const AT_ONCE = 4;
const LIMIT_MS = 120_000;

describe("SQS", { concurrency: AT_ONCE, timeout: LIMIT_MS }, () => {
  require("./checks/messages");
  require("./checks/delivery");
  require("./checks/batches");
  require("./checks/fifo");
  require("./checks/queues");
  require("./checks/dead_letters");
  require("./checks/errors");
  require("./checks/retries");
  after(clean);
});

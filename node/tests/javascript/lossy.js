"use strict";
/**
 * A proxy before a node that has accidents with the first tries of a call: an SDK has to notice and to try
 * again, and the cluster to do once what was asked for once.
 */

const http = require("node:http");

/** The node does what is asked, and the caller never hears of it. */
const loseReply = (response) => response.socket.destroy();

/** The node is not asked. */
const refuse = (status, type) => (response) => {
  response.writeHead(status, { "content-type": "application/x-amz-json-1.0" });
  response.end(JSON.stringify({ __type: type, message: "an accident" }));
};

/**
 * Listens on loopback before `endpoint`; try *n* has accident *n*, and those after the last accident none.
 * `forwarded` counts the requests that reached the node.
 */
async function lossy(endpoint, accidents) {
  const left = [...accidents];
  const proxy = { forwarded: 0 };
  const server = http.createServer((request, response) => {
    const accident = left.shift();
    if (accident && accident !== loseReply) {
      request.resume().on("end", () => accident(response));
      return;
    }
    const { method, url: path, headers } = request;
    proxy.forwarded += 1;
    const onward = http.request(endpoint, { method, path, headers }, (reply) => {
      if (accident) {
        reply.resume().on("end", () => accident(response));
      } else {
        response.writeHead(reply.statusCode, reply.headers);
        reply.pipe(response);
      }
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  proxy.endpoint = `http://127.0.0.1:${server.address().port}`;
  proxy.close = () => server.close();
  return proxy;
}

module.exports = { lossy, loseReply, refuse };

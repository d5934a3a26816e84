"""A load balancer: carries each connection to the next node that takes it.

    balancer.py LISTEN NODE [NODE ...]

A connection ends when either side ends it, so that a client whose node dies connects again, and reaches another one.
"""

import asyncio
import itertools
import sys

CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS = 1


class Balancer:
    def __init__(self, nodes):
        self.nodes, self.turns = nodes, itertools.count()

    async def carry(self, from_client, to_client):
        try:
            if node := await self.connect():
                from_node, to_node = node
                ways = [asyncio.create_task(copy(from_client, to_node)), asyncio.create_task(copy(from_node, to_client))]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                to_node.close()
        finally:
            to_client.close()

    async def connect(self):
        """A connection to a node, or None if no node takes one."""
        for _ in self.nodes:
            host, port = self.nodes[next(self.turns) % len(self.nodes)]
            try:
                return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_SECONDS)
            except (OSError, asyncio.TimeoutError):
                continue
        return None


async def copy(reader, writer):
    try:
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        # The end of a connection, which is what the caller waits for.
        return


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def main():
    listen, *nodes = map(address, sys.argv[1:])
    server = await asyncio.start_server(Balancer(nodes).carry, *listen)
    await server.serve_forever()


asyncio.run(main())

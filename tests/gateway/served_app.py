"""An application behind Greenroom's HTTP server, in the test's own loop."""

import asyncio
from contextlib import asynccontextmanager

from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.http_server import HttpServer, http_socket


@asynccontextmanager
async def served(application, settings):
    """The server, what it counts, and how to connect; it must hold nothing in the end."""
    held = HeldBytes(settings.max_held_bytes)
    server = HttpServer(application, settings, held, websockets=lambda path: path == "/live")
    socket = http_socket("127.0.0.1", 0, "PORT")
    serving = asyncio.create_task(server.serve([socket]))

    @asynccontextmanager
    async def wire():
        reader, writer = await asyncio.open_connection(*socket.getsockname())
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    try:
        async with asyncio.timeout(120):
            yield server, held, wire
    finally:
        server.should_exit = True
        await serving
    assert held.now == 0

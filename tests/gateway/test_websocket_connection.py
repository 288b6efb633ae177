"""A WebSocket's client that asks without end and takes nothing."""

import asyncio

from greenroom.gateway.http_server import HttpServer, http_socket

UPGRADE = (
    b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
PING = b"\x89\xfd\0\0\0\0" + bytes(125)
PONG = b"\x8a\x7d" + bytes(125)
MUCH = 2**22


async def listening(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def test_pings_are_not_read_while_their_answers_are_not_taken(free_settings):
    settings = free_settings()
    server = HttpServer(listening, settings, websockets=lambda path: True)
    socket = http_socket("127.0.0.1", 0, "PORT")
    serving = asyncio.create_task(server.serve([socket]))
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*socket.getsockname())
        writer.write(UPGRADE)
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = server.server_state.connections
        writer.transport.pause_reading()
        pings = 0
        while writer.transport.get_write_buffer_size() < MUCH and pings * len(PING) < 2**26:
            writer.write(PING * 500)
            pings += 500
            await asyncio.sleep(0)
        assert connection.transport.get_write_buffer_size() < MUCH
        writer.transport.resume_reading()
        for _ in range(pings):
            assert await reader.readexactly(len(PONG)) == PONG
        writer.close()
    server.should_exit = True
    await serving

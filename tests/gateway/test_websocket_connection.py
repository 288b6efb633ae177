"""WebSocket clients that ask without end and take nothing, or send more than is taken."""

import asyncio

import pytest
from served_app import served

UPGRADE = (
    b"GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
PING = b"\x89\xfd\0\0\0\0" + bytes(125)
PONG = b"\x8a\x7d" + bytes(125)
CLOSE = b"\x88\x80\0\0\0\0"
MUCH = 2**22


async def listening(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def test_pings_are_not_read_while_their_answers_are_not_taken(free_settings):
    async with served(listening, free_settings()) as (server, _, wire), wire() as (reader, writer):
        writer.write(UPGRADE + b"\r\n")
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


def text(number):
    return b"\x81\x84\0\0\0\0%04d" % number


async def test_messages_that_nobody_takes_stay_bytes(free_settings, wait_for):
    accepted, go_on = asyncio.Event(), asyncio.Event()
    waiting = []

    async def counting(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        accepted.set()
        await go_on.wait()
        (connection,) = server.server_state.connections
        for number in range(9000):
            waiting.append(connection.queue.qsize())
            assert (await receive())["text"] == f"{number:04}"
        await send({"type": "websocket.close"})

    async with (
        served(counting, free_settings()) as (server, held, wire),
        wire() as (reader, writer),
    ):
        writer.write(UPGRADE + b"\r\n" + b"".join(map(text, range(9000))))
        await accepted.wait()
        await wait_for(lambda: held.now)
        assert held.now < 64 * 1024
        go_on.set()
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(4) == b"\x88\x02\x03\xe8"
        writer.write(CLOSE)
        await reader.read()
    assert max(waiting) < 64


@pytest.mark.parametrize("size", [3, 4096])
async def test_frames_are_told_apart_however_they_come(free_settings, size):
    got = []

    async def taking(scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            got.append(message["bytes"])

    long = bytes(range(256)) * 200
    frames = [
        b"\x82\xfe%s\0\0\0\0%s" % (len(long).to_bytes(2), long),
        b"\x02\x82\0\0\0\0ab" + PING + b"\x80\x82\0\0\0\0cd",
        b"\x82\x80\0\0\0\0" * 40,
        CLOSE,
    ]
    whole = b"".join(frames)
    async with served(taking, free_settings()) as (_, _, wire), wire() as (reader, writer):
        writer.write(UPGRADE + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for at in range(0, len(whole), size):
            writer.write(whole[at : at + size])
            await writer.drain()
        assert (await reader.read()).startswith(PONG)
    assert got == [long, b"abcd", *[b""] * 40]


async def test_the_frames_of_a_message_are_bounded(free_settings):
    async with served(listening, free_settings()) as (_, _, wire), wire() as (reader, writer):
        writer.write(UPGRADE + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\x01\x80\0\0\0\0" + b"\0\x80\0\0\0\0" * 2000)
        assert (await reader.read())[2:4] == (1009).to_bytes(2)


async def test_nothing_is_packed(free_settings):
    async with served(listening, free_settings()) as (_, _, wire), wire() as (reader, writer):
        writer.write(UPGRADE + b"sec-websocket-extensions: permessage-deflate\r\n\r\n")
        assert b"deflate" not in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"\xc1\x81\0\0\0\0a")
        assert (await reader.read())[2:4] == (1002).to_bytes(2)

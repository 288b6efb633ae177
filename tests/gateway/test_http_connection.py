"""Requests that come in any pieces, many at once, or with a wish to change the protocol."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from served_app import served

GET = b"GET /%d HTTP/1.1\r\nhost: localhost\r\n\r\n"
MANY = 2000
LARGE = 2**25
CRLFS = b"\r\n\r\n" * 3


async def echo(scope, receive, send):
    """Answer with the path and the body."""
    body = scope["path"].encode()
    more = True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


async def body_of(reader):
    """Read one answer with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return await reader.readexactly(int(length))


@pytest.mark.parametrize("size", [1, 3, 7, 2048, 2**20])
async def test_requests_are_told_apart_however_they_come(free_settings, size):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (CRLFS, b"GET", CRLFS * 500))
    small = b"".join(b"1\r\n%c\r\n" % byte for byte in b"many" * 600)
    post = b"POST /%s HTTP/1.1\r\nhost: localhost\r\n"
    chunked = b"transfer-encoding: chunked\r\n\r\n"
    sent = [
        GET % 1,
        b"\r\n\r\n" + post % b"length" + b"content-length: %d\r\n\r\n" % len(CRLFS) + CRLFS,
        post % b"chunks" + chunked + chunks + b"0\r\n\r\n",
        post % b"trailers" + chunked + small + b"0\r\na: trailer\r\n\r\n",
        post % b"h2c" + b"connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\n{}",
        post % b"none" + b"content-length: 0\r\n\r\n",
        GET % 2 * 30,
        GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") % 3,
    ]
    whole = b"".join(sent)
    async with served(echo, free_settings()) as (_, _, wire), wire() as (reader, writer):

        async def write():
            for at in range(0, len(whole), size):
                writer.write(whole[at : at + size])
                await writer.drain()
                await asyncio.sleep(0)

        writing = asyncio.create_task(write())
        assert await body_of(reader) == b"/1"
        assert await body_of(reader) == b"/length" + CRLFS
        assert await body_of(reader) == b"/chunks" + CRLFS + b"GET" + CRLFS * 500
        assert await body_of(reader) == b"/trailers" + b"many" * 600
        assert await body_of(reader) == b"/h2c{}"
        assert await body_of(reader) == b"/none"
        for _ in range(30):
            assert await body_of(reader) == b"/2"
        assert await body_of(reader) == b"/3"
        assert await reader.read() == b""
        await writing


async def test_requests_behind_an_unanswered_one_stay_bytes(free_settings, wait_for):
    arrived, go_on = asyncio.Event(), asyncio.Event()
    waiting = []

    async def slow(scope, receive, send):
        arrived.set()
        await go_on.wait()
        (connection,) = server.server_state.connections
        waiting.append(len(connection.pipeline))
        await echo(scope, receive, send)

    async with served(slow, free_settings()) as (server, held, wire), wire() as (reader, writer):
        sent = b"".join(GET % number for number in range(MANY))
        writer.write(sent)
        await arrived.wait()
        await wait_for(lambda: held.now)
        assert held.now < 64 * 1024
        go_on.set()
        for number in range(MANY):
            assert await body_of(reader) == b"/%d" % number
        assert max(waiting) == 0


async def test_no_further_request_is_answered_while_an_answer_is_not_taken(free_settings, wait_for):
    asked = []

    async def large(scope, receive, send):
        asked.append(scope["path"])
        length = (b"content-length", b"%d" % LARGE)
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": bytes(LARGE)})

    async with served(large, free_settings()) as (_, held, wire), wire() as (reader, writer):
        writer.transport.pause_reading()
        writer.write(GET % 1 * 9)
        await wait_for(lambda: held.now > LARGE // 2)
        assert len(asked) == 1
        writer.transport.resume_reading()
        for _ in range(9):
            assert len(await body_of(reader)) == LARGE


async def test_who_leaves_behind_unanswered_requests_is_seen_to_leave(free_settings):
    arrived, left = asyncio.Event(), asyncio.Event()

    async def until_left(scope, receive, send):
        arrived.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    async with served(until_left, free_settings()) as (_, _, wire):
        async with wire() as (_, writer):
            writer.write(GET % 1 * 9)
            await arrived.wait()
        await left.wait()


async def test_a_pipeliner_whose_last_head_is_unfinished_is_served(free_settings):
    async with served(echo, free_settings()) as (_, _, wire), wire() as (reader, writer):
        writer.write(GET % 1 * MANY + b"GET /last")
        for _ in range(MANY):
            assert await body_of(reader) == b"/1"
        writer.write(b" HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert await body_of(reader) == b"/last"


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_last_request_that_asks_to_upgrade_is_answered_and_ends(
    free_settings, upgrade, version
):
    fields = f"host: a\r\nconnection: upgrade, close\r\nupgrade: {upgrade}\r\ncontent-length: 2"
    async with served(echo, free_settings()) as (_, _, wire), wire() as (reader, writer):
        writer.write(f"POST /last HTTP/{version}\r\n{fields}\r\n\r\n{{}}".encode())
        assert await body_of(reader) == b"/last{}"
        assert await reader.read() == b""


async def test_a_head_that_asks_to_upgrade_has_a_clock(free_settings):
    settings = free_settings(header_timeout=0.5)
    async with served(echo, settings) as (_, _, wire), wire() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 408")


async def test_a_refusal_reaches_who_still_sends_and_ends_the_connection(free_settings, wait_for):
    settings = free_settings(header_timeout=3600)
    async with served(echo, settings) as (server, _, wire), wire() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"x" * 2**19)
        assert (await reader.read()).startswith(b"HTTP/1.1 431")
        await wait_for(lambda: not server.server_state.connections)


async def test_the_oldest_unfinished_head_makes_room(free_settings):
    settings = free_settings(max_connections=4)
    async with served(echo, settings) as (_, _, wire), AsyncExitStack() as opened:
        begun = []
        for _ in range(9):
            begun.append(await opened.enter_async_context(wire()))
            begun[-1][1].write(GET[:9])
            async with wire() as (reader, writer):
                writer.write(GET % 1)
                assert await body_of(reader) == b"/1"
        assert b"max_connections" in await begun[0][0].read()

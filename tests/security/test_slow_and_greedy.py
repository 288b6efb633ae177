"""Clients that neither finish nor read: what they hold is bounded, and they are ended."""

import asyncio
import contextlib
import json

import grpc
import pytest
from attacked import json_request, message
from tritonclient.grpc import service_pb2_grpc
from wires import INFER, LARGE, SERVICE, UnfinishedCall, channel, echo_of, status_of, wire

SETTINGS = {"api_keys": "admin:admins-key-0123456789"}
"""Of the service that the tests of endless requests share."""
SHARED = pytest.mark.asyncio(loop_scope="module")


async def send(writer, size, part=b"\0"):
    for _ in range(size // 2**16):
        writer.write(part * (2**16 // len(part)))
        await writer.drain()


@SHARED
async def test_an_endless_body_after_a_401_is_not_swallowed(serving):
    async with asyncio.timeout(30), wire(serving) as (reader, writer):
        writer.write(f"{INFER}content-length: {2**40}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401")
        assert b"connection: close" in head
        with pytest.raises(ConnectionError):
            await send(writer, 64 * 2**20)


CHUNKED = f"{INFER}transfer-encoding: chunked\r\n\r\n".encode()


@SHARED
@pytest.mark.parametrize(
    ("head", "part"),
    [
        (INFER.encode(), b"a:\r\n"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"a:\r\n"),
        (CHUNKED + b"2\r\n{}\r\n0\r\na:", b"x"),
        (CHUNKED + b"1;a=", b"x"),
    ],
    ids=["headers", "trailers", "a trailer", "an extension"],
)
async def test_what_is_beside_a_body_is_bounded(serving, head, part):
    async with asyncio.timeout(30), wire(serving) as (_, writer):
        writer.write(head)
        with pytest.raises(ConnectionError):
            await send(writer, 64 * 2**20, part)


async def test_small_chunks_and_a_trailer_are_taken(start):
    running = await start()
    body = json.dumps(json_request([1, 4], [1.0, 2.0, 3.0, 4.0])).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert await status_of(running, CHUNKED + chunks + b"0\r\na: trailer\r\n\r\n") == 200


@pytest.mark.parametrize("reads", [False, True])
async def test_an_answer_counts_until_it_is_taken_and_who_takes_none_is_cut_off(start, reads):
    running = await start(
        max_held_bytes=12 * 2**20, max_request_bytes=12 * 2**20, send_timeout=60 if reads else 3
    )
    assert await status_of(running, echo_of(LARGE[:, :1])) == 200
    async with asyncio.timeout(60), wire(running) as (reader, writer):
        writer.write(echo_of(LARGE))
        await reader.readline()
        writer.transport.pause_reading()
        if reads:  # the other way the answer may be cut off before anybody else asks
            while await status_of(running, echo_of(LARGE)) != 503:
                pass
            writer.transport.resume_reading()
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(LARGE.nbytes)
        while await status_of(running, echo_of(LARGE)) != 200:
            pass
        if not reads:
            writer.transport.resume_reading()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(LARGE.nbytes)


async def test_who_leaves_with_a_second_request_behind_the_first_is_seen_to_leave(start):
    running = await start()
    async with asyncio.timeout(30), wire(running) as (reader, writer):
        get = "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n"
        writer.write((get.format("residency/events") + get.format("healthz")).encode())
        await reader.readuntil(b"\r\n\r\n")
    for _ in range(3):
        await running.act("echo", "load")
        await running.act("echo", "unload")
    assert running.count("Traceback") == running.count("handler is closed") == 0


async def test_no_more_connections_than_may_be_and_idle_ones_make_room(start):
    running = await start(max_connections=4)
    async with asyncio.timeout(30):
        idle = [await asyncio.open_connection("127.0.0.1", running.settings.http_port)]
        for _ in range(7):
            idle.append(await asyncio.open_connection("127.0.0.1", running.settings.http_port))
            assert await status_of(running, b"GET /healthz HTTP/1.0\r\n\r\n") == 200
        assert await idle[0][0].read() == b""
        for _, writer in idle:
            writer.close()
        begun = []
        status = 200
        while status != 503:
            begun.append(await asyncio.open_connection("127.0.0.1", running.settings.http_port))
            begun[-1][1].write(f"{INFER}content-length: 9\r\n\r\n".encode())
            await begun[-1][1].drain()
            status = await status_of(running, b"GET /healthz HTTP/1.0\r\n\r\n")
        assert len(begun) >= 4
        for _, writer in begun:
            writer.close()
        while await status_of(running, b"GET /healthz HTTP/1.0\r\n\r\n") != 200:
            pass


async def test_probes_read_nothing_and_messages_that_never_come_are_not_waited_for(start):
    running = await start(receive_timeout=0.5, api_keys="admin:admins-key-0123456789")
    async with asyncio.timeout(30), channel(running) as opened:
        for call in "ServerLive", "ServerReady":
            asked = opened.stream_stream(f"{SERVICE}/{call}")()
            assert await asked.read() == b"\x08\x01"
        for call in "ModelReady", "ModelInfer":
            key = (("authorization", "Bearer admins-key-0123456789"),)
            asked = opened.stream_stream(f"{SERVICE}/{call}")(metadata=key)
            with pytest.raises(grpc.aio.AioRpcError, match="did not arrive") as slow:
                await asked.read()
            assert slow.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_idle_streams_end_and_those_with_requests_under_way_do_not(start, gate):
    running = await start(receive_timeout=0.5, max_streams=2)
    async with asyncio.timeout(60), channel(running) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        waits = stub.ModelStreamInfer()
        await waits.write(message("gated", [1, 1], bytes(4)))
        await running.until("gated", waiting=1)
        for _ in range(3):  # each in the place of the one before
            idle = stub.ModelStreamInfer()
            with pytest.raises(grpc.aio.AioRpcError, match="receive_timeout") as ended:
                await idle.read()
            assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        gate.touch()
        assert not (await waits.read()).error_message
        waits.cancel()


async def test_a_grpc_answer_that_is_not_taken_is_cut_off(start):
    running = await start(send_timeout=2)
    asked = message("echo", list(LARGE.shape), LARGE.tobytes()).SerializeToString()
    async with asyncio.timeout(60), channel(running) as opened:
        call = opened.stream_stream(f"{SERVICE}/ModelInfer")()
        await call.write(asked)
        await running.logged("did not read its answer and was cut off")
        with pytest.raises(grpc.aio.AioRpcError) as lost:
            await call.read()
        assert lost.value.code() is grpc.StatusCode.UNAVAILABLE
    assert await running.grpc.is_server_live()


async def test_unfinished_grpc_messages_count_and_make_room(start):
    admin = "admins-key-0123456789"
    running = await start(
        max_held_bytes=40 * 2**20, max_request_bytes=12 * 2**20, api_keys=f"admin:{admin}"
    )
    key = ("authorization", f"Bearer {admin}")
    eight = 8 * 2**20
    async with asyncio.timeout(60):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await UnfinishedCall("ModelReady").send(running, eight, eight - 1)
        calls = [
            asyncio.create_task(UnfinishedCall("ModelInfer", key).send(running, eight, eight - 1))
            for _ in range(6)
        ]
        await running.logged("for which there is no room and was cut off")
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert sum(call.done() for call in calls) <= 2
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        request = echo_of(LARGE).replace(b"\r\n", f"\r\n{key[0]}: {key[1]}\r\n".encode(), 1)
        while await status_of(running, request) != 200:
            pass


async def test_a_grpc_message_may_be_slow(start):
    running = await start(receive_timeout=1)
    call = UnfinishedCall("ModelInfer")
    call.pause = 0.5
    async with asyncio.timeout(60):
        began = asyncio.get_running_loop().time()
        await call.send(running, 2**17, 2**17 - 1)
        assert asyncio.get_running_loop().time() - began > 3


async def ended(opened, call, metadata, number):
    """How the first of so many calls ends that send no message."""
    calls = [opened.stream_stream(f"{SERVICE}/{call}")(metadata=metadata) for _ in range(number)]
    reads = [asyncio.ensure_future(one.read()) for one in calls]
    await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
    found = next(read.exception() for read in reads if read.done())
    for one in calls:
        one.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    return found


@pytest.mark.parametrize(
    ("call", "fields", "why"),
    [("ModelInfer", 200, "exceed max_held_bytes"), ("ModelReady", 20, "256 health calls wait")],
)
async def test_metadata_of_open_calls_are_bounded(start, call, fields, why):
    running = await start(max_held_bytes=2**20, max_request_bytes=2**20)
    metadata = tuple((f"x-{number}", "") for number in range(fields))
    async with asyncio.timeout(60), channel(running) as opened:
        found = await ended(opened, call, metadata, 300)
        assert why in found.details()
        assert found.code() is grpc.StatusCode.UNAVAILABLE
        while await status_of(running, echo_of(LARGE[:, :1])) != 200:
            pass
        assert await running.grpc.is_model_ready("echo")


@SHARED
async def test_headers_of_a_call_that_never_begins_are_cut_off(serving):
    """gRPC collects them without a bound, and no call tells of them."""

    def frame(kind, stream, content):
        return len(content).to_bytes(3) + bytes((kind, 0)) + stream.to_bytes(4) + content

    field = b"\0\3x-a" + bytes((120,)) + b"v" * 120
    address = "127.0.0.1", serving.settings.grpc_port
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, b""))
        writer.write(frame(1, 1, b"\x83\x86") + frame(9, 1, field * 100) * 80)
        await serving.logged("began no call with them and was cut off")
        with contextlib.suppress(ConnectionError):
            while await reader.read(2**16):
                pass
        writer.close()
    assert await status_of(serving, b"GET /healthz HTTP/1.0\r\n\r\n") == 200

"""Clients that send slowly, endlessly, or more than anybody may: bounded in time and bytes."""

import asyncio
import json
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from echo import SAMPLES, echoed, grpc_inputs
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

SETTINGS = {"max_held_bytes": 7200, "max_request_bytes": 4000, "max_streams": 2}
"""Of the service that most of these tests share; no timeout, which a busy machine would reach."""
SHARED = pytest.mark.asyncio(loop_scope="module")
INFER = b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: localhost\r\n"


class Wire:
    """One TCP connection to the gateway's HTTP port."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    async def send(self, data):
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self):
        """Return the status and the error's sentence."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await self._reader.readexactly(int(fields["content-length"]))
        return int(head.split()[1]), json.loads(body)["error"]

    async def closed(self):
        """Return what comes until the gateway closes the connection."""
        return await self._reader.read()


@asynccontextmanager
async def wire(running):
    reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


async def test_a_body_that_does_not_come_is_408(start):
    running = await start(receive_timeout=0.3)
    async with asyncio.timeout(10), wire(running) as one:
        await one.send(INFER + b"content-length: 100\r\n\r\n{")
        status, sentence = await one.answer()
        assert (status, "receive_timeout (0.3 s)" in sentence) == (408, True)
        assert await one.closed() == b""


async def test_a_body_may_be_slow(start):
    running = await start(receive_timeout=2)
    async with asyncio.timeout(60), wire(running) as one:
        await one.send(INFER + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(30):  # 3 s: longer than it may be without a byte
            await one.send(b"1\r\n \r\n")
            await asyncio.sleep(0.1)
        await one.send(b"0\r\n\r\n")
        assert (await one.answer())[0] == 400  # for what it says


async def test_a_head_that_does_not_come_is_408_and_silence_is_closed(start):
    running = await start(header_timeout=0.3)
    async with asyncio.timeout(10), wire(running) as begun, wire(running) as silent:
        await begun.send(INFER)
        status, sentence = await begun.answer()
        assert (status, "head" in sentence) == (408, True)
        assert await begun.closed() == b""
        assert await silent.closed() == b""


@SHARED
async def test_a_head_without_end_is_431(serving):
    async with asyncio.timeout(10), wire(serving) as one:
        await one.send(INFER + b"x-more: " + b"x" * 70_000)
        status, sentence = await one.answer()
        assert (status, "65536" in sentence) == (431, True)


async def test_what_still_comes_after_the_answer_is_not_waited_for_without_end(start):
    running = await start(receive_timeout=0.3, max_request_bytes=1000)
    async with asyncio.timeout(10), wire(running) as one:
        await one.send(INFER + b"content-length: 1001\r\n\r\n")
        assert (await one.answer())[0] == 413
        await one.send(b"x")
        assert await one.closed() == b""


@SHARED
async def test_a_connection_is_used_again_after_every_kind_of_body(serving):
    async with asyncio.timeout(10), wire(serving) as one:
        for _ in range(3):
            await one.send(INFER + b"content-length: 4001\r\n\r\n" + b"x" * 4001)
            assert (await one.answer())[0] == 413
            await one.send(INFER + b"content-length: 1\r\n\r\n{")
            assert (await one.answer())[0] == 400


@SHARED
async def test_bytes_that_are_being_received_count_as_held(serving):
    # JSON counts twice once it has come: it is copied.
    async with asyncio.timeout(10), wire(serving) as first, wire(serving) as second:
        await first.send(INFER + b"content-length: 900\r\n\r\n" + b" " * 800)
        full = 0
        while full != 503:  # until the gateway has read what the first one has sent
            await second.send(INFER + b"content-length: 3300\r\n\r\n" + b" " * 3300)
            full, sentence = await second.answer()
            assert full in (400, 503)
        assert "max_held_bytes (7200)" in sentence
        await first.send(b" " * 100)
        assert (await first.answer())[0] == 400
        await second.send(INFER + b"content-length: 3300\r\n\r\n" + b" " * 3300)
        assert (await second.answer())[0] == 400


@SHARED
async def test_the_bytes_of_a_client_that_left_in_the_middle_are_given_back(serving):
    for _ in range(3):
        async with wire(serving) as gone:
            await gone.send(INFER + b"content-length: 900\r\n\r\n" + b" " * 800)
    answer = None
    while answer != 400:  # the gateway learns one after the other that they have left
        async with wire(serving) as one:
            await one.send(INFER + b"content-length: 3300\r\n\r\n" + b" " * 3300)
            answer, _ = await one.answer()


@SHARED
async def test_no_more_streams_than_may_be_open(serving):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{serving.settings.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = pb.ModelInferRequest(model_name="echo")
        request.inputs.add(name="INPUT", datatype="FP32", shape=[1, 1])
        request.raw_input_contents.append(np.zeros(1, np.float32).tobytes())
        streams = [stub.ModelStreamInfer() for _ in range(2)]
        for stream in streams:
            await stream.write(request)
            assert not (await stream.read()).error_message
        third = stub.ModelStreamInfer()
        with pytest.raises(grpc.aio.AioRpcError, match=r"2 streams are open.*max_streams") as full:
            await third.read()
        assert full.value.code() is grpc.StatusCode.UNAVAILABLE
        assert echoed(await serving.grpc.infer("echo", grpc_inputs(SAMPLES)))
        await streams[0].done_writing()
        assert await streams[0].read() is grpc.aio.EOF
        again = stub.ModelStreamInfer(iter([request]))
        assert not (await again.read()).error_message
        streams[1].cancel()


@SHARED
@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/voices"])
async def test_a_slow_upload_counts_as_held(serving, path):
    part = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    upload = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 900\r\n".encode()
    form = b"content-type: multipart/form-data; boundary=x\r\n\r\n"
    async with asyncio.timeout(20), wire(serving) as slow, wire(serving) as other:
        await slow.send(upload + form + part + b" " * (800 - len(part)))
        status = 0
        while status != 503:  # until the gateway has read what has come of the upload
            await other.send(INFER + b"content-length: 3300\r\n\r\n" + b" " * 3300)
            status, sentence = await other.answer()
            assert status in (400, 503)
        assert "max_held_bytes (7200)" in sentence
        end = b"\r\n--x--\r\n"
        await slow.send(b" " * (100 - len(end)) + end)
        status, error = await slow.answer()
        assert (status, error["type"]) == (400, "invalid_request_error")
        await other.send(INFER + b"content-length: 3300\r\n\r\n" + b" " * 3300)
        assert (await other.answer())[0] == 400

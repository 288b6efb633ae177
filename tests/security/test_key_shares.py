"""One API key cannot take what is there for all: places, bytes, streams."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from attacked import json_request, message
from tritonclient.grpc import service_pb2_grpc
from wires import INFER, LARGE, channel, echo_of, wire

GREEDY, OTHER = "greedy-key-0123456789", "other-key-0123456789"


def asked_with(key, request):
    """Return the HTTP request with the key."""
    return request.replace(b"\r\n", f"\r\nauthorization: Bearer {key}\r\n".encode(), 1)


async def answer_of(running, key, request):
    async with wire(running) as (reader, writer):
        writer.write(asked_with(key, request))
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        return int(head.split()[1]), head, await reader.read(1000)


@asynccontextmanager
async def refused_beside_another(running):
    """Yield the answer to a large request while another of the key holds what both need.

    Of two that arrive together the gateway refuses whichever comes to the bound; so if that was
    the other one, it is sent again.
    """
    begun = asked_with(GREEDY, f"{INFER}content-length: {11 * 2**20}\r\n\r\n".encode())
    while True:
        async with wire(running) as (reader, writer):
            writer.write(begun + bytes(10 * 2**20))
            ended = asyncio.create_task(reader.readline())
            while not ended.done():
                answer = await answer_of(running, GREEDY, echo_of(LARGE))
                if answer[0] == 503:
                    yield answer
                    ended.cancel()
                    return


async def test_one_key_cannot_take_all_places_bytes_and_streams(start, gate):
    running = await start(
        api_keys=f"inference:{GREEDY},admin:{OTHER}",
        policy={"gated": {"max_waiting": 2}},
        max_held_bytes=34 * 2**20,
        max_request_bytes=12 * 2**20,
        max_streams=2,
    )

    def waiting(key):
        body = json_request([1, 1], [1.0])
        bearer = {"authorization": f"Bearer {key}"}
        return asyncio.create_task(
            running.web.post("/v2/models/gated/infer", json=body, headers=bearer)
        )

    running.web.headers["authorization"] = f"Bearer {OTHER}"  # for what `running` asks itself
    async with asyncio.timeout(60):
        asked = [waiting(GREEDY)]
        await running.until("gated", waiting=1)
        refused = await waiting(GREEDY)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "already has 1 requests waiting for model gated, its share" in refused.text
        asked.append(waiting(OTHER))
        await running.until("gated", waiting=2)
        gate.touch()
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200]

        async with refused_beside_another(running) as answer:
            assert "retry-after: 1" in answer[1]
            assert b"would exceed its share (17825792) of max_held_bytes (35651584)" in answer[2]
            assert (await answer_of(running, OTHER, echo_of(LARGE)))[0] == 200
        while (await answer_of(running, GREEDY, echo_of(LARGE[:, :1])))[0] != 200:
            pass

        async with channel(running) as opened:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
            taken = []
            for key in GREEDY, OTHER:
                stream = stub.ModelStreamInfer(metadata=(("authorization", f"Bearer {key}"),))
                await stream.write(message("echo", [1, 1], bytes(4)))
                assert not (await stream.read()).error_message
                if not taken:
                    more = stub.ModelStreamInfer(metadata=(("authorization", f"Bearer {key}"),))
                    with pytest.raises(grpc.aio.AioRpcError, match="1 streams open, its share"):
                        await more.read()
                taken.append(stream)

"""What an error of gRPC means: of Triton itself, or of the connection to one that has ended."""

import asyncio

import grpc
import pytest

from greenroom.errors import ServerDown, TritonError
from greenroom.triton.client import Triton


@pytest.mark.parametrize(
    ("code", "details", "meaning"),
    [
        (grpc.StatusCode.UNKNOWN, "Stream removed (Socket closed)", ServerDown),
        (grpc.StatusCode.UNAVAILABLE, "Socket closed", ServerDown),
        (grpc.StatusCode.UNAVAILABLE, "the model is too busy", TritonError),
        (grpc.StatusCode.INVALID_ARGUMENT, "Socket closed", TritonError),
    ],
)
async def test_who_ended_in_mid_call_is_down_even_where_another_answers_by_now(
    code, details, meaning, monkeypatch
):
    async def alive():
        return True

    triton = Triton("127.0.0.1:1", "key")
    monkeypatch.setattr(triton, "alive", alive)
    error = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)
    assert type(await triton.translated(error)) is meaning
    await triton.close()


async def test_a_connection_that_is_breaking_is_not_alive(monkeypatch):
    """gRPC ends its calls first, and says later that it has broken."""
    breaks = asyncio.Event()

    class Refusing:
        async def ServerLive(self, *_, **__):  # noqa: N802
            asyncio.get_running_loop().call_soon(breaks.set)
            unavailable = grpc.StatusCode.UNAVAILABLE
            raise grpc.aio.AioRpcError(unavailable, grpc.aio.Metadata(), grpc.aio.Metadata())

    triton = Triton("127.0.0.1:1", "key")
    monkeypatch.setattr(triton, "_stub", Refusing())
    monkeypatch.setattr(Triton, "connected", True)
    monkeypatch.setattr(triton, "lost", breaks.wait)
    assert not await triton.alive()
    await triton.close()

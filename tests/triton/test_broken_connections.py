"""What an error of gRPC means: of Triton itself, or of the connection to one that has ended."""

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

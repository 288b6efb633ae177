"""Faults of the gateway's own code: the client is told, and they are counted."""

from unittest.mock import AsyncMock, MagicMock, Mock

import grpc
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import BROKEN
from greenroom.gateway.app import ERROR_HANDLERS, app
from greenroom.gateway.grpc_stream import Stream
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.kserve_grpc import KServeGrpc
from greenroom.settings import Settings
from greenroom.triton.grpc_service import method_path


async def _broken(request):
    raise RuntimeError("It is broken.")


def test_over_http_once_and_of_plugins_too():
    plugin = Starlette(routes=[Route("/plugin", _broken)], exception_handlers=ERROR_HANDLERS)
    counted = []
    whole = app([Route("/own", _broken)], lambda nobody: plugin, counted.append)
    client = TestClient(whole, raise_server_exceptions=False)
    for path in ("/own", "/plugin"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (500, {"error": BROKEN})
    assert counted == ["GET /own", "GET /plugin"]


async def test_over_grpc():
    controller = MagicMock()
    controller.why_not_serving.side_effect = RuntimeError("It is broken.")
    others = (MagicMock() for _ in range(5))
    service = KServeGrpc(controller, *others, Settings()).service(
        Mock(method=method_path("ServerReady"))
    )
    context = Mock(abort=AsyncMock(side_effect=grpc.aio.AbortError))
    with pytest.raises(grpc.aio.AbortError):
        await service.stream_stream(None, context)
    context.abort.assert_awaited_once_with(grpc.StatusCode.INTERNAL, BROKEN, ())
    controller.broke.assert_called_once_with("The gRPC call ServerReady")


async def test_in_a_grpc_stream_one_request_fails_and_the_next_is_served():
    async def requests(context, idle_since):
        for name in ("first", "second"):
            yield pb.ModelInferRequest(model_name="echo", id=name).SerializeToString()

    walks = Mock(takes=Mock(return_value=False))
    messages = Mock(stream=requests, send=AsyncMock(), held=HeldBytes(1000))
    leased = Mock(run=AsyncMock(side_effect=[RuntimeError("It is broken."), None]))
    broke = Mock()
    context = MagicMock()
    await Stream(Mock(), leased, walks, Mock(), messages, (), MagicMock(), broke).run(context)
    broke.assert_called_once_with("A request of a gRPC stream")
    assert leased.run.await_count == 2
    (sent,) = messages.send.await_args_list
    answer = pb.ModelStreamInferResponse.FromString(sent.args[1])
    assert (answer.error_message, answer.infer_response.id) == (BROKEN, "first")

"""Requests that are made to get past the gateway, or to kill what is behind it."""

import asyncio
import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

import grpc
import pytest
from echo import echoed, grpc_inputs
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

ECHO = Path(__file__).parent.parent / "models" / "echo"
INFER = "/v2/models/echo/infer"
GOOD = b'{"inputs":[{"name":"INPUT","shape":[1,1],"datatype":"FP32","data":[1]}]}'
DEEP = b"[" * 300_000


async def test_http_has_no_way_around_the_control_input(running):
    named = GOOD.replace(b'"INPUT"', b'"RESIDENCY\\u0000"')
    answer = await running.web.post(INFER, content=named)
    assert (answer.status_code, "RESIDENCY" in answer.text) == (403, True)
    for length in "0", "2":
        answer = await running.web.post(
            "/v2/models/echo/generate",
            content=b'{"RESIDENCY":"{}"}',
            headers={"inference-header-content-length": length},
        )
        assert (answer.status_code, "RESIDENCY" in answer.text) == (403, True)


async def test_grpc_has_no_way_around_the_control_input_or_a_lease(running):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = pb.ModelInferRequest(model_name="echo")
        request.inputs.add(name="RESIDENCY\0x", datatype="BYTES", shape=[1, 1])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ModelInfer(request)
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        answers = [answer async for answer in stub.ModelStreamInfer(iter([request]))]
        assert [("RESIDENCY" in answer.error_message) for answer in answers] == [True]
        for call in (
            stub.ModelInfer(pb.ModelInferRequest(model_name="echo\0")),
            stub.RepositoryModelLoad(pb.RepositoryModelLoadRequest(model_name="echo\0")),
            stub.RepositoryModelUnload(pb.RepositoryModelUnloadRequest(model_name="echo\0")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "NUL" in refused.value.details()


async def test_a_long_name_does_not_come_back(running):
    name = "x" * 10_000_000
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for call in (
            stub.ModelMetadata(pb.ModelMetadataRequest(name=name)),
            stub.ModelConfig(pb.ModelConfigRequest(name=name)),
            stub.ModelStatistics(pb.ModelStatisticsRequest(name=name)),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "Field name has 10000000 characters" in refused.value.details()


async def test_no_json_kills_triton_or_breaks_the_gateway(running):
    triton = running.service.triton.pid
    load = "/v2/repository/models/echo/load"
    for path, body in (
        (INFER, DEEP),
        (INFER, b'{"inputs":[{"name":"\\ud800"}]}'),
        (INFER, b"null"),
        ("/v2/logging", DEEP),
        (load, DEEP),
        (load, b'{"parameters":{"config":"\\ud800"}}'),
        (load, b'{"parameters":{"\\ud800":1}}'),
        (load, json.dumps({"parameters": {"config": "[" * 300_000}}).encode()),
    ):
        answer = await running.web.post(path, content=body)
        assert 400 <= answer.status_code <= 500, (path, body[:40])
        assert "see its log" not in answer.text, (path, body[:40])
        assert answer.json()["error"]
    assert running.service.triton.pid == triton
    assert (await running.web.post(INFER, content=GOOD)).status_code == 200


async def test_heads_that_triton_can_not_take_are_answered(running):
    for headers in (
        {"inference-header-content-length": "9" * 5000},
        {"tracestate": "x" * 9000},
    ):
        answer = await running.web.post(INFER, content=GOOD, headers=headers)
        assert answer.status_code == 400, answer.text
    assert (await running.web.head("/v2")).status_code == 200
    assert (await running.web.get("/v2/models/a%3Fb")).json()["error"].count("a%3Fb") == 1


async def test_a_body_behind_an_upgrade_is_no_request_of_its_own(running):
    smuggled = b"GET /v2/smuggled HTTP/1.1\r\nhost: localhost\r\n\r\n"
    for body, length, status in (
        (GOOD, b"content-length: %d" % len(GOOD), 200),
        (b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD), b"transfer-encoding: chunked", 200),
        (smuggled, b"content-length: %d" % len(smuggled), 400),
    ):
        for protocol in b"websocket", b"h2c":
            head = [b"connection: upgrade", b"upgrade: " + protocol, length]
            answers = await _by_hand(running, b"POST " + INFER.encode(), head, body)
            assert answers == [100, status, 200], (protocol, head)
    assert await _by_hand(running, b"CONNECT a:1", [], smuggled) == [400]


async def _by_hand(running, asked, head, body):
    """Send a body once it is wanted, and GET /v2 behind it; returns the status of all answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
    last = b"GET /v2 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    expects = [b"host: localhost", b"expect: 100-continue"]
    async with asyncio.timeout(60):
        writer.write(b"\r\n".join((asked + b" HTTP/1.1", *expects, *head, b"", b"")))
        answers = await reader.readline()
        writer.write(body + last)
        with suppress(ConnectionResetError):  # it may have closed at the head, as after CONNECT
            answers += await reader.read()
    writer.close()
    return list(map(int, re.findall(rb"HTTP/1.1 (\d+)", answers)))


@pytest.mark.asyncio(loop_scope="function")
async def test_models_that_come_and_go_while_the_service_runs(start, tmp_path):
    repository = tmp_path / "models"
    (repository / "echo" / "1").mkdir(parents=True)
    running = await start(model_repository=repository)
    with pytest.raises(InferenceServerException, match="echo"):
        await running.grpc.infer("echo", grpc_inputs())
    shutil.copyfile(ECHO / "1/model.py", repository / "echo/1/model.py")
    shutil.copyfile(ECHO / "config.pbtxt", repository / "echo/config.pbtxt")
    await running.grpc.load_model("echo")
    assert (await running.residency("echo"))["residency"] == "hot"
    assert echoed(await running.grpc.infer("echo", grpc_inputs()))
    await running.act("echo", "unload")
    shutil.rmtree(repository / "echo")
    for _ in "before the folders are read again", "after":
        for path in "", "/config", "/ready":
            answer = await running.web.get(f"/v2/models/echo{path}")
            assert 400 <= answer.status_code < 500, (path, answer.text)
        with pytest.raises(InferenceServerException) as gone:
            await running.grpc.get_model_metadata("echo")
        assert gone.value.status() == "StatusCode.NOT_FOUND"
        assert not await running.grpc.is_model_ready("echo")
        with pytest.raises(InferenceServerException, match="echo"):
            await running.grpc.load_model("echo")

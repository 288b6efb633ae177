"""Ids of requests and the request log, through the real doors and without anything said in it."""

import asyncio
import json
import logging

import grpc
import pytest
import websockets
from echo import SAMPLES, grpc_inputs
from tritonclient.grpc import service_pb2, service_pb2_grpc

from greenroom.errors import SetupError
from greenroom.gateway.logged_request import LoggedRequest
from greenroom.gateway.request_id import id_of
from greenroom.gateway.request_log import RequestLog, request_log

FIELDS = [
    *("time", "id", "model", "protocol", "start"),
    *("wait_seconds", "run_seconds", "outcome", "bytes"),
]
INFER = "/v2/models/echo/infer"
KEY = "inference-key-0123456789"


@pytest.mark.parametrize("given", ["a", "7f-3 b", "x" * 128])
def test_a_clients_id_is_kept(given):
    assert id_of(given) == given


@pytest.mark.parametrize("given", [None, "", " a", "a\n", "a\x7f", "grüße", "x" * 129])
def test_another_one_is_made_instead(given):
    made = id_of(given)
    assert made != given
    assert len(made) == 32
    assert made != id_of(given)


async def test_every_answer_has_its_id_and_every_request_its_line(start, tmp_path):
    path = tmp_path / "requests.log"
    running = await start(
        request_log=str(path), api_keys=f"inference:{KEY},admin:admins-key-0123456789"
    )
    body = {
        "inputs": [
            {"name": "INPUT", "datatype": "FP32", "shape": SAMPLES.shape, "data": SAMPLES.tolist()}
        ]
    }
    key = {"authorization": f"Bearer {KEY}"}
    post, get = running.web.post, running.web.get
    served = await post(INFER, json=body, headers={**key, "x-request-id": "mine 1"})
    wrong = await post(INFER, json={"inputs": []}, headers={**key, "x-request-id": "w" * 200})
    unknown = await post("/v2/models/nosuch/infer", json=body, headers=key)
    keyless = await post(INFER, json=body)
    for one in (served, wrong, unknown, keyless, await get("/healthz"), await get("/nosuch")):
        assert one.headers["x-request-id"]
    assert (served.status_code, served.headers["x-request-id"]) == (200, "mine 1")
    assert wrong.headers["x-request-id"] != "w" * 200
    assert "x-request-id: " in await _raw(running.settings.http_port, b"nonsense\r\n\r\n")
    live = f"ws://127.0.0.1:{running.settings.http_port}/v1/audio/speech/stream"
    mine = {**key, "x-request-id": "live"}
    async with websockets.connect(live, proxy=None, additional_headers=mine) as socket:
        assert socket.response.headers["x-request-id"] == "live"
    await _over_grpc(running.settings.grpc_port)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [list(line) for line in lines] == [FIELDS] * len(lines)
    told = [(line["protocol"], line["model"], line["start"], line["outcome"]) for line in lines]
    assert told == [
        ("http", "echo", "cold", "served"),
        ("http", "echo", "hot", "invalid"),
        ("http", "nosuch", None, "invalid"),
        ("http", "echo", None, "invalid"),
        ("grpc", "echo", "hot", "served"),
        ("grpc", None, None, "invalid"),
        ("grpc", "echo", "hot", "served"),
        ("grpc", None, None, "invalid"),
    ]
    first = lines[0]
    assert (first["id"], first["bytes"]) == ("mine 1", int(served.headers["content-length"]))
    assert first["wait_seconds"] > first["run_seconds"] > 0
    assert [line["id"] for line in lines[4:]] == [
        "of grpc",
        "of grpc",
        "of a stream",
        "of a stream",
    ]
    assert all(line["bytes"] for line in lines[6:])
    assert KEY not in path.read_text()


async def _over_grpc(port):
    asked = service_pb2.ModelInferRequest(model_name="echo")
    for tensor in grpc_inputs():
        asked.inputs.append(tensor._get_tensor())
        asked.raw_input_contents.append(tensor._get_content())
    key = ("authorization", f"Bearer {KEY}")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        unary = (key, ("x-request-id", "of grpc"))
        call = stub.ModelInfer(asked, metadata=unary)
        await call
        assert ("x-request-id", "of grpc") in tuple(await call.trailing_metadata())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ModelInfer(service_pb2.ModelInferRequest(id="a"), metadata=unary)
        assert ("x-request-id", "of grpc") in tuple(refused.value.trailing_metadata())
        stream = stub.ModelStreamInfer(metadata=(key, ("x-request-id", "of a stream")))
        for request in (asked, service_pb2.ModelInferRequest(id="b")):
            await stream.write(request)
            await stream.read()
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF


async def _raw(port, content):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(content)
    answer = (await reader.read()).decode()
    writer.close()
    return answer


def test_a_full_file_is_renamed(free_settings, tmp_path):
    path = tmp_path / "requests.log"
    log = request_log(free_settings(request_log=str(path), request_log_bytes=1000))
    for number in range(40):
        log.tell(LoggedRequest(f"{number}", log.tell, "http"))
    log.close()
    assert sorted(one.name for one in tmp_path.glob("requests.log*")) == [
        "requests.log",
        *(f"requests.log.{number}" for number in range(1, 5)),
    ]
    assert json.loads(path.read_text().splitlines()[-1])["id"] == "39"


def test_a_file_that_cannot_be_written_is_told(free_settings, tmp_path, caplog):
    with pytest.raises(SetupError, match=r"GREENROOM_REQUEST_LOG is '.*nosuch/log'"):
        request_log(free_settings(request_log=str(tmp_path / "nosuch" / "log")))
    full = logging.FileHandler("/dev/full")
    log = RequestLog(full)
    for _ in range(2):
        log.tell(LoggedRequest("one", log.tell, "http"))
    assert caplog.text.count("request log cannot be written") == 1


def test_leases_of_a_websocket_are_told_one_by_one():
    told = []
    asked = LoggedRequest("live", told.append, "openai", each=True)
    for outcome in ("served", "cancelled"):
        asked.leased("speech", "hot", 0.1, 0.2, outcome)
    assert [(one.id, one.model, one.outcome) for one in told] == [
        ("live", "speech", "served"),
        ("live", "speech", "cancelled"),
    ]


def test_leases_of_one_request_are_one_line():
    asked = LoggedRequest("one", lambda one: None, "openai")
    for start, outcome in (("cold", "served"), ("hot", "failed"), ("hot", "served")):
        asked.leased("asr", start, 0.5, 1.0, outcome)
    assert (asked.start, asked.waited, asked.ran) == ("cold", 1.5, 3.0)
    assert asked.outcome == "failed"

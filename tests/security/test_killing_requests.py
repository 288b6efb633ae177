"""Legal KServe requests of which Triton dies: at the gateway they are answered, and it lives."""

import asyncio
import json
import re

import grpc
import httpx
import pytest
from attacked import LOADED, attacked_models, json_request, message, pids
from tritonclient.grpc import service_pb2_grpc

FOUR = [1.0, 2.0, 3.0, 4.0]
RAW = b"\0" * 16
SEQUENCE = {"sequence_id": 1, "sequence_start": True, "sequence_end": True}
SAYS_NUMBERS = r"Output 'OUTPUT': classification is asked for, but it has no numbers"
BELOW = "must stay below 2\\*\\*63"

INPUT = {"name": "INPUT", "shape": [1, 4], "datatype": "FP32"}

DEEP = b"[" * 10**6 + b"0" + b"]" * 10**6
TOO_DEEP = "nested too deeply"
DEEP_ELSEWHERE = {
    "/v2/models/echo/generate": "POST",
    "/v2/models/echo/generate_stream": "POST",
    "/v2/logging": "POST",
    "/v2/trace/setting": "POST",
    "/v2/repository/index": "POST",
    "/residency/echo": "PATCH",
}

BINARY = (
    (8, RAW[:8], "has 16 bytes; the request has 8"),
    (-16, RAW, "has 16 bytes; the request has -16"),
    (2**62, RAW, "has 16 bytes"),
    ("16", RAW, "binary_data_size is '16'; it must be a number"),
    (16, RAW[:8], "add up to 16 bytes; 8 bytes follow the JSON"),
    (16, RAW * 2, "add up to 16 bytes; 32 bytes follow the JSON"),
)
HTTP = {
    "classification of strings": (
        "words",
        json_request([1, 1], ["a"], "BYTES", {"classification": 1}),
        SAYS_NUMBERS,
    ),
    "classification of who knows what": (
        "nobody",
        json_request([1, 4], FOUR, output={"classification": 1}),
        SAYS_NUMBERS,
    ),
    "wraps 2**64": ("echo", json_request([1, 2**62], FOUR * 1000), BELOW),
    "wraps beside a zero": ("echo", json_request([1, 0, 2**62], []), BELOW),
    "negative": ("echo", json_request([1, -4], FOUR), "no dimension may be negative"),
    "batch of none": ("echo", json_request([0, 0], []), "the batch, must be at least 1"),
    "many dimensions": ("echo", json_request([1] * 33, [1.0]), "33 dimensions; at most 32"),
    "few values": ("echo", json_request([1, 4], FOUR[:2]), "has 4 elements; the request has 2"),
    "nested": ("echo", json_request([1, 4], [[1], [2]]), "has 4 elements; the request has 2"),
    "few words": ("words", json_request([1, 2], ["a"], "BYTES"), "2 elements; the request has 1"),
    "no numbers": ("echo", json_request("x", FOUR), "shape is not an array of whole numbers"),
    "half a dimension": ("echo", json_request([1, 4.5], FOUR), "not an array of whole numbers"),
    "no data": ("echo", json_request([1, 4], None), "data is missing or not an array"),
    "id": ("echo", json_request([1, 4], FOUR, id="x" * 1025), "at most 1024 bytes"),
    "sequence": (
        "steps",
        json_request([1, 4], FOUR, parameters=SEQUENCE),
        "Parameter sequence_end is given; model 'steps' works in steps",
    ),
    "region": (
        "echo",
        json_request(
            [1, 4], FOUR, output={"shared_memory_region": "r", "shared_memory_offset": -1}
        ),
        "shared_memory_offset is -1",
    ),
    "numbers nested too deeply": (
        "echo",
        b'{"inputs": [{"name": "INPUT", "shape": [1, 1], "datatype": "FP32", "data": %s}]}' % DEEP,
        TOO_DEEP,
    ),
    "two of a key": ("echo", b'{"inputs": [], "inputs": []}', "'inputs' appears twice"),
    "UTF-16": ("echo", '{"inputs": []}'.encode("utf-16"), "not JSON"),
}


def grpc_cases():
    classified = message("words", [1, 1], b"\1\0\0\0a", "BYTES")
    classified.outputs.add(name="OUTPUT").parameters["classification"].int64_param = 1
    contents = message("echo", [1, 2**62 + 4])
    contents.inputs[0].contents.fp32_contents.extend(FOUR)
    few = message("echo", [1, 4])
    few.inputs[0].contents.fp32_contents.extend(FOUR[:2])
    sequence = message("steps", [1, 4], RAW)
    sequence.parameters["sequence_id"].int64_param = 1
    more = message("echo", [1, 4], RAW)
    more.raw_input_contents.append(RAW)
    none = message("echo", [1, 4], RAW)
    none.inputs.add(name="OTHER", datatype="FP32", shape=[1, 4])
    region = message("echo", [1, 4])
    region.inputs[0].parameters["shared_memory_region"].string_param = "r"
    region.inputs[0].parameters["shared_memory_byte_size"].int64_param = -1
    return {
        "classification of strings": (classified, SAYS_NUMBERS),
        "wraps 2**64": (message("echo", [1, 2**62 + 8000], bytes(32_000)), BELOW),
        "wraps to nothing": (message("echo", [1, 2**31, 2**31], b""), BELOW),
        "wraps beside a zero": (message("echo", [1, 0, 2**62], b""), BELOW),
        "wraps in contents": (contents, BELOW),
        "negative": (message("echo", [-1, -4], RAW), "no dimension may be negative"),
        "batch of none": (message("echo", [0, 0], b""), "the batch, must be at least 1"),
        "short": (message("echo", [1, 4], RAW[:8]), "has 16 bytes; the request has 8"),
        "long": (message("echo", [1, 4], RAW * 2), "has 16 bytes; the request has 32"),
        "few words": (
            message("words", [1, 2], b"\0\0\0\0", "BYTES"),
            "at least 8 bytes; the request has 4",
        ),
        "few values": (few, "has 4 elements; the request has 2"),
        "id": (message("echo", [1, 4], RAW, id="x" * 1025), "at most 1024 bytes"),
        "sequence": (sequence, "works in steps"),
        "two contents": (more, "has 2 entries"),
        "no contents": (none, "Input 'OTHER' has no entry"),
        "region": (region, "shared_memory_byte_size is -1"),
    }


def as_body(request):
    return {"content": request} if isinstance(request, bytes) else {"json": request}


async def loaded(start, tmp_path, **settings):
    running = await start(model_repository=attacked_models(tmp_path / "models"), **settings)
    for model in LOADED:
        await running.act(model, "load")
    return running


async def test_triton_itself_dies_of_them(start, tmp_path, wait_for):
    """What the checks are for; where a newer Triton lives on, they may go."""
    running = await loaded(start, tmp_path)
    triton = running.service.triton.endpoints
    socket = httpx.AsyncHTTPTransport(uds=str(triton.http_socket))
    direct = httpx.AsyncClient(base_url=triton.http_url, transport=socket, timeout=60)
    for case, status in (
        ("classification of strings", -8),
        ("wraps 2**64", -11),
        ("numbers nested too deeply", -11),
    ):
        model, request, _ = HTTP[case]
        while (await running.act(model, "load")).is_error:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(httpx.HTTPError):
            await direct.post(f"/v2/models/{model}/infer", **as_body(request))
        await wait_for(lambda status=status: running.count(f"ended with exit status {status}"))
    await direct.aclose()


async def test_http_answers_them_with_field_value_and_rule(start, tmp_path):
    running = await loaded(start, tmp_path)
    living = pids(running)
    for case, (model, request, rule) in HTTP.items():
        answer = await running.web.post(f"/v2/models/{model}/infer", **as_body(request))
        assert answer.status_code == 400, (case, answer.text)
        assert re.search(rule, answer.json()["error"]), (case, answer.text)
    for size, tail, rule in BINARY:
        head = {"inputs": [{**INPUT, "parameters": {"binary_data_size": size}}]}
        text = json.dumps(head).encode()
        answer = await running.web.post(
            "/v2/models/echo/infer",
            content=text + tail,
            headers={"inference-header-content-length": str(len(text))},
        )
        assert answer.status_code == 400, (size, answer.text)
        assert rule in answer.json()["error"], (size, answer.text)
    for path, method in DEEP_ELSEWHERE.items():
        body = b'{"data": %s}' % DEEP[900_000:-900_000]
        answer = await running.web.request(method, path, content=body)
        assert answer.status_code == 400, (path, answer.text)
        assert TOO_DEEP in answer.json()["error"], (path, answer.text)
    for field in ({"sequence_id": 1}, {"parameters": {"sequence_start": True}}):
        body = {"INPUT": FOUR, **field}
        answer = await running.web.post("/v2/models/steps/generate", json=body)
        assert answer.status_code == 400, answer.text
        assert "works in steps" in answer.json()["error"]
    assert pids(running) == living


async def test_grpc_answers_them_in_calls_and_in_streams(start, tmp_path):
    running = await loaded(start, tmp_path)
    living = pids(running)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for case, (request, rule) in grpc_cases().items():
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(request)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, case
            assert re.search(rule, refused.value.details()), (case, refused.value.details())
            answers = [answer async for answer in stub.ModelStreamInfer(iter([request]))]
            assert [bool(re.search(rule, answer.error_message)) for answer in answers] == [True], (
                case
            )
    assert pids(running) == living


async def test_what_is_right_still_passes(start, tmp_path):
    running = await loaded(start, tmp_path)
    for model, request in (
        ("echo", json_request([1, 4], FOUR, output={"classification": 2}, id="x" * 1024)),
        ("echo", json_request([2, 2], [[1, 2], [3, 4]])),
        ("echo", json_request([1, 0], [])),
        ("echo", json_request([1, 4], FOUR, parameters=SEQUENCE)),
        ("words", json_request([1, 2], ["a", "[1, 2"], "BYTES")),
        ("steps", json_request([1, 4], FOUR)),
    ):
        answer = await running.web.post(f"/v2/models/{model}/infer", json=request)
        assert answer.status_code == 200, (request, answer.text)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = message("echo", [1, 4])
        request.inputs[0].contents.fp32_contents.extend(FOUR)
        request.outputs.add(name="OUTPUT").parameters["classification"].int64_param = 1
        await stub.ModelInfer(request)
        await stub.ModelInfer(message("words", [1, 1], b"\1\0\0\0a", "BYTES"))
        steps = iter([message("steps", [1, 4], RAW)])
        assert [answer.error_message async for answer in stub.ModelStreamInfer(steps)] == [""]

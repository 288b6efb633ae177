"""Infer requests for every shipped model, mutated: no process of Triton may end of them."""

import asyncio
import json
import shutil
import time
from pathlib import Path

import grpc
import httpx
import pytest
from attacked import attacked_models, pids
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.grpc import model_config_pb2, service_pb2_grpc
from tritonclient.grpc import service_pb2 as pb

from greenroom.settings import PROJECT
from greenroom.triton.repository import Repository

SIZES = {"BOOL": 1, "INT8": 1, "UINT8": 1, "FP16": 2, "INT32": 4, "FP32": 4, "INT64": 8, "FP64": 8}
SHIPPED = ("asr", "tokenizer", "tts", "speech", "echo", "words", "steps")

_NUMBERS = "the numbers of input %d"
"""In the place of what Python cannot write when it is nested deeply."""

dimensions = st.sampled_from([0, 1, 1, 1, 2, 3, 7, 160, 2**31, 2**32, 2**61, 2**62, 2**63 - 1, -1])
shapes = st.lists(dimensions, max_size=4) | st.lists(st.just(1), max_size=40)
datatypes = st.sampled_from([*SIZES, "BYTES", "BF16", "WHAT", ""])
names = st.text(max_size=5) | st.sampled_from(["INPUT\0", "STREAM", "x" * 3000])
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**64), 2**64), st.text(max_size=5),
    st.lists(st.integers(0, 1), max_size=3),
)  # fmt: skip
parameters = st.dictionaries(
    st.sampled_from([
        "classification", "sequence_id", "sequence_start", "sequence_end", "priority", "timeout",
        "binary_data", "binary_data_size", "binary_data_output", "shared_memory_region",
        "shared_memory_byte_size", "shared_memory_offset", "stream", "any",
        "triton_enable_empty_final_response",
    ]),
    values,
    max_size=3,
)  # fmt: skip


@st.composite
def requests(draw, specs):
    """Draw a model and the tensors of a valid request, some of them mutated."""
    model = draw(st.sampled_from(sorted(specs)))
    config = specs[model].config
    tensors = []
    for given_input in config.input:
        if given_input.name == "RESIDENCY" or (given_input.optional and draw(st.booleans())):
            continue
        datatype = model_config_pb2.DataType.Name(given_input.data_type).removeprefix("TYPE_")
        tensor = {
            "name": given_input.name,
            "datatype": "BYTES" if datatype == "STRING" else datatype,
            "shape": [1, *(160 if size < 0 else size for size in given_input.dims)],
        }
        for field, strategy in ("name", names), ("datatype", datatypes), ("shape", shapes):
            if draw(st.integers(0, 9)) == 0:
                tensor[field] = draw(strategy)
        tensors.append(tensor)
    outputs = [
        {"name": one.name, "parameters": draw(parameters) if draw(st.booleans()) else {}}
        for one in config.output
        if draw(st.integers(0, 2)) == 0
    ]
    return {
        "model": model,
        "tensors": tensors,
        "outputs": outputs,
        "parameters": draw(parameters) if draw(st.integers(0, 3)) == 0 else {},
        "id": draw(st.sampled_from(["", "a", "\0", "x" * 1024, "x" * 100_000])),
        "nested": draw(st.sampled_from([0, 0, 0, 0, 1, 30, 300_000])),
        "more": draw(st.sampled_from([0, 0, 0, 0, -1, 1, 4, 4096])),
        "by": draw(st.sampled_from(["json", "binary", "grpc", "contents", "stream"])),
    }


def _elements(shape):
    count = 1
    for size in shape:
        count = count * size % 2**64  # as Triton counts
    return min(count, 4096)


def _raw(tensor, more):
    count = _elements(tensor["shape"])
    if tensor["datatype"] == "BYTES":
        return b"\1\0\0\0a" * max(0, min(count, 1000) + more)
    return bytes(max(0, count * SIZES.get(tensor["datatype"], 4) % 2**64 + more))


def _data(tensor, more):
    kind = {"BYTES": "a", "BOOL": True}.get(tensor["datatype"], 0)
    return [kind] * max(0, min(_elements(tensor["shape"]), 1000) + more)


def _ask_http(web, request):
    inputs, tail, data = [], b"", []
    for tensor in request["tensors"]:
        if request["by"] == "binary":
            raw = _raw(tensor, request["more"])
            tail += raw
            inputs.append({**tensor, "parameters": {"binary_data_size": len(raw)}})
        else:
            inputs.append({**tensor, "data": _NUMBERS % len(data)})
            data.append(_data(tensor, request["more"]))
    fields = {name: request[name] for name in ("outputs", "parameters", "id") if request[name]}
    head = json.dumps({"inputs": inputs, **fields}).encode()
    for number, values in enumerate(data):
        nested = b"[" * request["nested"] + json.dumps(values).encode() + b"]" * request["nested"]
        head = head.replace(b'"%s"' % (_NUMBERS % number).encode(), nested)
    headers = {"inference-header-content-length": str(len(head))} if tail else {}
    web.post(f"/v2/models/{request['model']}/infer", content=head + tail, headers=headers)


def _set(target, given):
    for name, value in given.items():
        if isinstance(value, bool):
            target[name].bool_param = value
        elif isinstance(value, int) and -(2**63) <= value < 2**63:
            target[name].int64_param = value
        elif isinstance(value, str):
            target[name].string_param = value
        else:
            target[name].Clear()


def _ask_grpc(stub, request):
    message = pb.ModelInferRequest(model_name=request["model"], id=request["id"])
    _set(message.parameters, request["parameters"])
    for tensor in request["tensors"]:
        added = message.inputs.add(**tensor)
        if request["by"] == "contents":
            added.contents.fp32_contents.extend([0.0] * len(_data(tensor, request["more"])))
        else:
            message.raw_input_contents.append(_raw(tensor, request["more"]))
    for output in request["outputs"]:
        _set(message.outputs.add(name=output["name"]).parameters, output["parameters"])
    try:
        if request["by"] == "stream":
            list(stub.ModelStreamInfer(iter([message]), timeout=60))
        else:
            stub.ModelInfer(message, timeout=60)
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:  # nobody ever answers it
            raise


@pytest.mark.parametrize(
    "seconds", [20, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(900)])]
)
async def test_no_request_ends_a_process(start, tmp_path, seconds):
    folder = attacked_models(tmp_path / "models")
    for name in "asr", "tokenizer", "tts":
        shutil.copytree(PROJECT / "model_repository" / name, folder / name)
    running = await start(model_repository=folder, ensemble_repository=PROJECT / "ensemble")
    for model in SHIPPED:
        answer = await running.act(model, "load")
        assert answer.status_code == 200, answer.text
    specs = Repository(folder, PROJECT / "ensemble").models
    living = pids(running)
    asked = await asyncio.to_thread(_fuzz, running, specs, living, time.monotonic() + seconds)
    print(f"{asked} requests")
    assert asked > seconds
    assert pids(running) == living


def _fuzz(running, specs, living, until):
    """Ask until then; returns how many were asked."""
    asked = 0

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(requests(specs))
    def ask(request):
        nonlocal asked
        asked += 1
        if request["by"] in ("json", "binary"):
            _ask_http(web, request)
        else:
            _ask_grpc(stub, request)
        assert all(map(_lives, living)), request

    address = f"127.0.0.1:{running.settings.grpc_port}"
    with (
        httpx.Client(base_url=running.service.url, timeout=60) as web,
        grpc.insecure_channel(address) as channel,
    ):
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        while time.monotonic() < until:
            ask()
    return asked


def _lives(pid):
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False

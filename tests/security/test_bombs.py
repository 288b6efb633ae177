"""Small files that become gigabytes, sent to a real service: its gateway and decoder stay small."""

import asyncio
import base64
import gzip
import io
import json

import grpc
import psutil
import pytest
import soundfile
from bombs import BOMBS
from grown import Grown
from sound_files import hum
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc

from greenroom.settings import Settings

pytestmark = pytest.mark.slow

MEGABYTES = 2**20
REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
TAKEN = {
    "flac of 8 channels at 655,350 Hz",
    "flac of unknown length",
    "mp3 that says a frame",
    "mp4 of long samples",
    "mp4 of many chunks",
    "ogg of 64 channels",
    "wav that says 0 bytes",
    "wav that says 2 GB",
    "wav that says 4 GB",
}
"""Of these the sound that there is can be told; all others are refused."""
TOO_LONG = {
    "flac of 4 hours",
    "flac that says 50 days",
    "mp3 that says 3 years",
    "wav at 1 Hz",
}


@pytest.fixture
async def service(start, tmp_path):
    running = await start(**REAL, environment={"GREENROOM_VOICES_DIR": str(tmp_path)})
    await running.until("tokenizer", residency="hot")
    return running


def gateway(service) -> int:
    """Return the process id of the service's gateway, whose child the decoder is."""
    port = str(service.settings.http_port)
    for process in psutil.Process().children(recursive=True):
        if "greenroom.gateway" in process.cmdline():
            assert process.environ()["GREENROOM_HTTP_PORT"] == port
            return process.pid
    raise LookupError("The gateway does not run.")


async def analysed(service, content):
    return await service.web.post("/v1/audio/analyses", files={"file": ("file", content)})


def was_read(answer) -> bool:
    """Whether the decoder read it; the model may still find no voice in silence."""
    return answer.status_code == 204 or answer.json()["error"]["message"].startswith(
        "The recording "
    )


async def test_no_file_raises_gateway_and_decoder_by_more_than_64_mb(service):
    answers, grown = {}, {}
    for name, made in BOMBS.items():
        content = made()
        with Grown([gateway(service)]) as growing:
            answers[name] = await analysed(service, content)
        grown[name] = growing.bytes - 4 * len(content)
    assert {name for name, answer in answers.items() if was_read(answer)} == TAKEN
    assert {name for name, answer in answers.items() if answer.status_code == 413} == TOO_LONG
    refused = [answers[name] for name in BOMBS.keys() - TAKEN]
    assert {answer.status_code for answer in refused} == {400, 413}
    assert all(answer.json()["error"]["message"].startswith("file ") for answer in refused)
    assert max(grown.values()) < 64 * MEGABYTES, grown


async def test_six_bombs_at_once_raise_them_no_further(service):
    content = BOMBS["flac of 8 channels at 655,350 Hz"]()
    with Grown([gateway(service)]) as grown:
        answers = await asyncio.gather(*(analysed(service, content) for _ in range(6)))
    assert all(was_read(answer) for answer in answers)
    assert grown.bytes < 6 * (64 * MEGABYTES + 4 * len(content))


@pytest.mark.parametrize("kind", ["multipart", "json"])
async def test_an_upload_raises_them_by_no_more_than_four_times_its_size(service, kind):
    file = io.BytesIO()
    soundfile.write(file, hum(192_000, 30.0), 192_000, "DOUBLE", format="WAV")
    content = file.getvalue()
    sent = {"files": {"file": ("file", content)}}
    if kind == "json":
        sent = {"json": {"file": base64.b64encode(content).decode()}}
    request = service.web.build_request("POST", "/v1/audio/analyses", **sent)
    with Grown([gateway(service)]) as grown:
        answer = await service.web.send(request)
    assert answer.status_code == 204
    assert grown.bytes < 64 * MEGABYTES + 4 * int(request.headers["content-length"])
    print(f"{kind}: {grown.bytes / len(content):.1f} times {len(content)} bytes")


def keys(count: int) -> bytes:
    return json.dumps(dict.fromkeys(map(str, range(count)), 0)).encode()


TENSOR = json.dumps(
    {
        "inputs": [
            {
                "name": "SPEECH_FEATURES",
                "shape": [1, 30, 2**20],
                "datatype": "FP32",
                "parameters": {"binary_data_size": 120 * MEGABYTES},
            }
        ]
    }
).encode()


def zeros(count: int) -> bytes:
    head = '{"inputs": [{"name": "AUDIO", "datatype": "FP32", "shape": [1, %d], "data": ['
    return (head % count).encode() + b"0," * (count - 1) + b"0]}]}"


def asr_task() -> bytes:
    inputs = [
        {"name": "AUDIO", "datatype": "FP32", "shape": [1, 8000], "data": [0.1] * 8000},
        {"name": "SAMPLE_RATE", "datatype": "INT32", "shape": [1, 1], "data": [16000]},
        {"name": "ASR_TASK", "datatype": "BYTES", "shape": [1, 1], "data": ["\u0301" * 2**20]},
    ]
    return json.dumps({"inputs": inputs}).encode()


TTS, GENERATE, SPEECH, INFER, INDEX = (
    "/v2/models/tts/infer",
    "/v2/models/tts/generate",
    "/v1/audio/speech",
    "/v2/models/asr/infer",
    "/v2/repository/index",
)
WIDE = b"a" * (4 * 2**20 - 100)
ACCENTS = "\u0301\u0316".encode() * 500_000
"""To put them into their order takes time with the square of their number: an hour."""
JSON_BOMBS = {
    "packed blanks": (
        INFER,
        lambda: gzip.compress(b'{"inputs": ' + b" " * (120 * MEGABYTES) + b"[]}", 1),
        {"content-encoding": "gzip"},
    ),
    "packed zeros": (
        TTS,
        lambda: gzip.compress(TENSOR + bytes(120 * MEGABYTES), 1),
        {"content-encoding": "gzip", "inference-header-content-length": str(len(TENSOR))},
    ),
    "empty lists": (SPEECH, lambda: b'{"input": "x", "voice": [' + b"[]," * 2**23 + b"[]]}", {}),
    "empty objects": (INFER, lambda: b'{"inputs": [' + b"{}," * 2**23 + b"{}]}", {}),
    "empty lists elsewhere": (INDEX, lambda: b'{"x": [' + b"[]," * 2**23 + b"[]]}", {}),
    "small numbers": (TTS, lambda: zeros(2**24), {}),
    "as many small numbers as may be": (TTS, lambda: zeros(3_200_000), {}),
    "small fractions": (GENERATE, lambda: b'{"data": [' + b"0.5," * 2**23 + b"0]}", {}),
    "brackets": (INFER, lambda: zeros(1).replace(b"0]}]}", b"[]," * 2**23 + b"0]}]}"), {}),
    "task of asr, which the sentence names": (INFER, asr_task, {}),
    "name of a voice": (SPEECH, lambda: b'{"input": "x", "voice": "%s"}' % (b"a" * 2**23), {}),
    "accents": (SPEECH, lambda: b'{"input": "x", "voice": "%s"}' % ACCENTS, {}),
    "one emoji": (SPEECH, lambda: b'{"input": "\\ud83d\\ude00%s"}' % (b"a" * 2**25), {}),
    "one emoji elsewhere": (INDEX, lambda: b'{"x": "\xf0\x9f\x98\x80%s"}' % (b"a" * 2**25), {}),
    "one emoji of what may be": (GENERATE, lambda: b'{"x": "\xf0\x9f\x98\x80%s"}' % WIDE, {}),
    "escapes": (SPEECH, lambda: b'{"input": "\\u0041%s"}' % (b"a" * 2**25), {}),
    "as many values as may be": (SPEECH, lambda: keys(19_000), {}),
    "as many values as may be there": (INFER, lambda: keys(249_000), {}),
}
"""Path, maker of the body, and headers."""


async def test_no_json_raises_them_by_more_than_64_mb_and_four_times_its_size(service):
    for name, (path, made, headers) in JSON_BOMBS.items():
        content = made()
        headers["content-type"] = "application/json"
        with Grown([gateway(service)]) as grown:
            answer = await service.web.post(path, content=content, headers=headers)
        assert answer.status_code in (400, 404, 413), (name, answer.text)
        assert grown.bytes < 64 * MEGABYTES + 4 * len(content), (name, grown.bytes)
        print(f"{name}: {grown.bytes / MEGABYTES:.0f} MB of {len(content) / MEGABYTES:.0f}")


async def test_a_packed_grpc_message_raises_them_by_no_more_than_64_mb(service):
    message = pb.ModelInferRequest(model_name="asr", raw_input_contents=[bytes(120 * MEGABYTES)])
    address = f"127.0.0.1:{service.settings.grpc_port}"
    async with grpc.aio.insecure_channel(address) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        with Grown([gateway(service)]) as grown, pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ModelInfer(message, compression=grpc.Compression.Gzip)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "bytes when unpacked" in refused.value.details()
        assert grown.bytes < 64 * MEGABYTES
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ModelInfer(pb.ModelInferRequest(model_name="\u0301" * 2**20))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        small = pb.ModelMetadataRequest(name="asr")
        for packing in grpc.Compression.Gzip, grpc.Compression.Deflate:
            assert (await stub.ModelMetadata(small, compression=packing)).name == "asr"


def field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message: its tag, length and content."""
    size, length = len(content), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


ASKED = field(1, b"tts")
NAMED = field(1, b"SEED") + field(2, b"INT64")
SOUND = field(1, b"AUDIO") + field(2, b"FP32") + field(3, b"\1\x80\x80\x80\4")
LESS = field(1, b"AUDIO") + field(2, b"FP32") + field(3, b"\1\xfb\xff\xff\2")
MESSAGES = {
    "inputs without anything": ASKED + field(5, b"") * 2**23,
    "outputs without anything": ASKED + field(6, b"") * 2**23,
    "dimensions": ASKED + field(5, NAMED + field(3, bytes(2**24))),
    "small integers": ASKED + field(5, NAMED + field(3, b"\1") + field(5, field(3, bytes(2**24)))),
    "empty strings": ASKED + field(5, NAMED + field(5, field(8, b"") * 2**23)),
    "empty raw tensors": ASKED + field(7, b"") * 2**23,
    "floats": ASKED + field(5, SOUND + field(5, field(6, bytes(2**25)))),
    "as many floats as may be": ASKED + field(5, LESS + field(5, field(6, bytes(3 * 2**23 - 20)))),
    "raw floats": ASKED + field(5, SOUND) + field(7, bytes(2**25)),
    "parameters": ASKED + field(4, field(1, b"a") + field(2, b"")) * 2**21,
}


async def test_no_grpc_message_raises_them_by_more_than_64_mb_and_four_times_its_size(service):
    address = f"127.0.0.1:{service.settings.grpc_port}"
    async with grpc.aio.insecure_channel(address) as channel:
        ask = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
        stream = channel.stream_stream("/inference.GRPCInferenceService/ModelStreamInfer")
        for name, content in MESSAGES.items():
            with Grown([gateway(service)]) as grown, pytest.raises(grpc.aio.AioRpcError) as refused:
                await ask(content)
            print(f"{name}: {grown.bytes / MEGABYTES:.0f} MB of {len(content) / MEGABYTES:.0f}")
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, name
            assert grown.bytes < 64 * MEGABYTES + 4 * len(content), (name, grown.bytes)
        call = stream()
        await call.write(MESSAGES["inputs without anything"])
        answer = pb.ModelStreamInferResponse.FromString(await call.read())
        assert "ModelInferRequest has more than 20000 fields" in answer.error_message


async def test_a_decoder_that_is_killed_is_no_outage(service):
    content = BOMBS["wav that says 0 bytes"]()
    for _ in range(2):
        (decoder,) = psutil.Process(gateway(service)).children()
        decoder.kill()
        assert (await analysed(service, content)).status_code in (204, 503)
        assert (await analysed(service, content)).status_code == 204

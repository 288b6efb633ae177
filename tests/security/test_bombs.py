"""Small files that become gigabytes, sent to a real service: its gateway and decoder stay small."""

import asyncio
import base64
import gzip
import io

import psutil
import pytest
import soundfile
from bombs import BOMBS
from grown import Grown
from sound_files import hum

from greenroom.settings import Settings

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
    return answer.status_code == 204 or answer.json()["error"]["message"].startswith("AUDIO ")


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


async def test_a_packed_body_raises_them_by_no_more_than_64_mb(service):
    content = gzip.compress(b'{"inputs": ' + b" " * (120 * MEGABYTES) + b"[]}", 1)
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    with Grown([gateway(service)]) as grown:
        answer = await service.web.post("/v2/models/asr/infer", content=content, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("The JSON of the body has more than ")
    assert grown.bytes < 64 * MEGABYTES + 4 * len(content)


async def test_a_decoder_that_is_killed_is_no_outage(service):
    content = BOMBS["wav that says 0 bytes"]()
    for _ in range(2):
        (decoder,) = psutil.Process(gateway(service)).children()
        decoder.kill()
        assert (await analysed(service, content)).status_code in (204, 503)
        assert (await analysed(service, content)).status_code == 204

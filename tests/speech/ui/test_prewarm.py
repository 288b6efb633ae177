"""What an upload sets going, so that the button has less to wait for."""

import httpx
import pytest

from greenroom.settings import Settings
from greenroom_speech.ui.gateway_client import GatewayClient
from greenroom_speech.ui.live import Take
from greenroom_speech.ui.speech_requests import cloned, prepared
from greenroom_speech.voices import voice

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


@pytest.fixture
async def service(start, tmp_path):
    return await start(**REAL, environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")})


async def test_an_upload_and_a_voice_that_is_saved_are_analysed_ahead(service):
    server = GatewayClient(service.service.url, None)
    recording = voice("henry").path.read_bytes()
    await prepared(server, recording)
    assert (await service.residency("tts"))["residency"] != "cold"
    fields = {"transcript": voice("henry").transcript}
    await cloned(server, "Good evening.", fields, recording, Take())
    assert (await counted(service, "misses"), await counted(service, "hits")) == (1, 1)
    await server.close()

    saved = await service.web.post(
        "/v1/voices",
        files={"file": ("clara.flac", voice("clara").path.read_bytes())},
        data={"name": "Aunt", "consent": "Nobody's voice.", "transcript": "Thank you."},
    )
    assert saved.status_code == 201
    assert (await counted(service, "misses"), await counted(service, "hits")) == (2, 1)
    request = {"voice": "Aunt", "input": "Yes.", "response_format": "wav"}
    assert (await service.web.post("/v1/audio/speech", json=request)).is_success
    assert (await counted(service, "misses"), await counted(service, "hits")) == (2, 2)


async def counted(service, what):
    """Return what Triton's metrics say of tokenizer's cache."""
    url = f"http://127.0.0.1:{service.settings.triton_metrics_port}/metrics"
    async with httpx.AsyncClient() as web:
        lines = (await web.get(url)).text.splitlines()
    name = f'greenroom_cache_{what}_total{{model="tokenizer"}}'
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0)

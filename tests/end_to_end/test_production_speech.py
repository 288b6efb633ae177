"""The production engines on small checkpoints with the released names, through a real Triton."""

import numpy as np
import pytest
import soundfile
from speech_requests import over_grpc, over_http
from tiny_checkpoints import tiny_whisper
from tiny_checkpoints.prompt_analysis import prompt_checkpoint
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.settings import Settings
from greenroom_speech.voices import voice

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
ENVIRONMENT = {
    "ASR_ENGINE": "whisper",
    "TOKENIZER_ENGINE": "step-audio",
    "TTS_ENGINE": "step-audio-editx",
    "WHISPER_MODEL": "tiny",
    "MAX_SPEECH_SECONDS": "20",
    # What a random model says is mostly too short.
    "TTS_REDRAWS": "50",
}
MODELS = ("asr", "tokenizer", "tts")
STAY = {name: {"pinned": False, "offload_after": -1, "unload_after": -1} for name in MODELS}
EDITS = {"TASK": ["clone", "emotion", "style"], "TASK_INFO": ["", "happy", "whisper"]}


@pytest.fixture
async def running(start, tmp_path, monkeypatch):
    models = voice_checkpoint(prompt_checkpoint(tmp_path / "models"))
    tiny_whisper.write(models / "whisper" / "tiny.pt", tiny_whisper.network())
    for name, value in (ENVIRONMENT | {"MODELS_DIR": str(models)}).items():
        monkeypatch.setenv(f"GREENROOM_{name}", value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return await start(**REAL, policy=STAY)


def reference():
    samples, rate = soundfile.read(voice("henry").path, dtype="float32")
    return {"AUDIO": samples[None, : 4 * rate], "SAMPLE_RATE": rate}


async def spoken(client, made, **given):
    result = await client.infer("speech", made(**reference(), SEED=5, **given))
    assert result.as_numpy("WAVEFORM_RATE").item() == 24000
    return result.as_numpy("WAVEFORM")[0], result.as_numpy("PROMPT_TRANSCRIPT").item().decode()


@pytest.mark.timeout(300)
async def test_recording_in_speech_out_cold_warm_and_hot(running):
    cold, heard = await spoken(running.grpc, over_grpc, TEXT="Good evening.")
    assert heard
    assert len(cold) > 2400
    assert np.isfinite(cold).all()
    hot, _ = await spoken(running.http, over_http, TEXT="Good evening.")
    for model in MODELS:
        assert (await running.act(model, "offload")).json()["device_bytes"] == 0
    warm, _ = await spoken(running.grpc, over_grpc, TEXT="Good evening.")
    assert np.array_equal(cold, hot)
    assert np.array_equal(cold, warm)
    engines = [(await running.residency(model))["host_bytes"] > 10**6 for model in MODELS]
    assert all(engines)

    chain, _ = await spoken(running.grpc, over_grpc, TEXT="Good evening.", **EDITS)
    assert not np.array_equal(cold, chain)
    edit, _ = await spoken(running.grpc, over_grpc, TASK=["denoise"], TASK_INFO=[""])
    assert len(edit) > 2400
    answer = await running.web.post(
        "/v1/audio/speech",
        json={"input": "Hello.", "voice": "henry", "task": "emotion", "task_info": "grumpy"},
    )
    assert answer.status_code == 400
    assert "must be one of happy, angry" in answer.json()["error"]["message"]
    await a_new_draw_can_be_had_again(running)
    tags = (await running.web.get("/v1/tags")).json()
    assert tags["engine"] == "step-audio-editx"
    assert "[Laughter]" in tags["text_tags"]


async def a_new_draw_can_be_had_again(running):
    asked = {"input": "Good evening.", "voice": "henry", "response_format": "pcm"}
    first, second = [await running.web.post("/v1/audio/speech", json=asked) for _ in range(2)]
    seeds = [int(answer.headers["x-greenroom-seed"]) for answer in (first, second)]
    assert seeds[0] != seeds[1]
    again = await running.web.post("/v1/audio/speech", json=asked | {"seed": seeds[0]})
    assert again.content == first.content

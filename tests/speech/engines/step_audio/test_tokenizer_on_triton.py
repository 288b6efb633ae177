"""The model `tokenizer` with the engine `step-audio`, served by a real Triton."""

import shutil

import numpy as np
import pytest
import soundfile
from speech_requests import over_grpc
from tiny_checkpoints.prompt_analysis import prompt_checkpoint
from tritonclient.utils import InferenceServerException

from greenroom.settings import PROJECT
from greenroom_speech.voices import voice

NAMES = ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
REPOSITORY = PROJECT / "model_repository"
# The cache would answer instead of the networks.
ENGINE = {"GREENROOM_TOKENIZER_ENGINE": "step-audio", "GREENROOM_CACHE_BYTES": "0"}
BY_HAND = {"tokenizer": {"pinned": False, "offload_after": -1, "unload_after": -1}}


@pytest.fixture
def serve(start, tmp_path, monkeypatch):
    """Return a starter of a service with the model `tokenizer` alone."""

    async def serve():
        shutil.copytree(REPOSITORY / "tokenizer", tmp_path / "repository" / "tokenizer")
        for name, value in (ENGINE | {"GREENROOM_MODELS_DIR": str(tmp_path / "models")}).items():
            monkeypatch.setenv(name, value)
        return await start(model_repository=tmp_path / "repository", policy=BY_HAND)

    return serve


def given(seconds: float = 4.0) -> dict:
    samples, rate = soundfile.read(voice("henry").path, dtype="float32")
    return {"AUDIO": samples[None, : int(seconds * rate)], "SAMPLE_RATE": rate}


async def analysed(running) -> list[np.ndarray]:
    result = await running.grpc.infer("tokenizer", over_grpc(**given()))
    return [result.as_numpy(name)[0] for name in NAMES]


async def test_cold_hot_and_warm_give_the_same(serve, tmp_path):
    prompt_checkpoint(tmp_path / "models")
    running = await serve()
    cold = await analysed(running)
    assert [array.dtype.name for array in cold] == ["int32", "float32", "float32"]
    assert [array.shape[1:] for array in cold] == [(), (80,), ()]
    shown = await running.residency("tokenizer")
    assert shown["residency"] == "hot"
    assert shown["device_bytes"] > 0
    hot = await analysed(running)
    await running.act("tokenizer", "offload")
    shown = await running.residency("tokenizer")
    assert (shown["residency"], shown["device_bytes"]) == ("warm", 0)
    assert shown["host_bytes"] > 0
    warm = await analysed(running)
    assert (await running.residency("tokenizer"))["residency"] == "hot"
    for first, second, third in zip(cold, hot, warm, strict=True):
        assert np.array_equal(first, second)
        assert np.array_equal(first, third)
    with pytest.raises(InferenceServerException, match=r"AUDIO lasts 0\.100 s; it must last at l"):
        await running.grpc.infer("tokenizer", over_grpc(**given(0.1)))


async def test_a_missing_file_is_the_reason_that_a_client_reads(serve, tmp_path):
    models = prompt_checkpoint(tmp_path / "models")
    next(models.rglob("am.mvn")).unlink()
    running = await serve()
    with pytest.raises(InferenceServerException, match=r"lacks \S+/am\.mvn;") as raised:
        await analysed(running)
    assert "Traceback" not in str(raised.value)

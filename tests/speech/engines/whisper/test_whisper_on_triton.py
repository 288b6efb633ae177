"""The model `asr` with the engine `whisper`, served by a real Triton."""

import shutil

import pytest
from speech_requests import over_grpc
from tritonclient.utils import InferenceServerException
from whisper_recordings import NAMES, long_speech, noise, speech

from greenroom.settings import PROJECT

REPOSITORY = PROJECT / "model_repository"
# The cache would answer instead of the network.
ENGINE = {
    "GREENROOM_ASR_ENGINE": "whisper",
    "GREENROOM_WHISPER_MODEL": "tiny",
    "GREENROOM_CACHE_BYTES": "0",
    "GREENROOM_MAX_AUDIO_SECONDS": "80",
    "OMP_NUM_THREADS": "1",
}
BY_HAND = {"asr": {"pinned": False, "offload_after": -1, "unload_after": -1}}


@pytest.fixture
def serve(start, tmp_path, monkeypatch):
    """Return a starter of a service with the model `asr` alone."""

    async def serve(models):
        shutil.copytree(REPOSITORY / "asr", tmp_path / "repository" / "asr")
        for name, value in (ENGINE | {"GREENROOM_MODELS_DIR": str(models)}).items():
            monkeypatch.setenv(name, value)
        return await start(model_repository=tmp_path / "repository", policy=BY_HAND)

    return serve


async def heard(running, samples, **given):
    inputs = over_grpc(AUDIO=samples[None], SAMPLE_RATE=16_000, **given)
    result = await running.grpc.infer("asr", inputs)
    words, language = (result.as_numpy(name)[0, 0] for name in ("TRANSCRIPT", "AUDIO_LANGUAGE"))
    return words.decode(), language.decode()


async def test_cold_hot_and_warm_hear_the_same(serve, models):
    running = await serve(models)
    samples = speech(NAMES[0])
    cold = await heard(running, samples)
    assert len(cold[0].split()) == 12
    assert cold[1] == "zh"
    assert (await running.residency("asr"))["device_bytes"] > 10_000_000
    assert await heard(running, samples) == cold
    await running.act("asr", "offload")
    shown = await running.residency("asr")
    assert (shown["residency"], shown["device_bytes"]) == ("warm", 0)
    assert await heard(running, samples) == cold
    assert (await heard(running, samples, AUDIO_LANGUAGE="en-GB"))[1] == "en"
    assert await heard(running, samples, TRANSCRIPT="as given") == ("as given", "")
    assert len((await heard(running, long_speech(70)))[0].split()) > 30
    assert await heard(running, noise(2)) == await heard(running, noise(2))
    with pytest.raises(InferenceServerException, match="AUDIO_LANGUAGE is 'xx'; it must be one"):
        await heard(running, samples, AUDIO_LANGUAGE="xx")
    with pytest.raises(InferenceServerException, match="AUDIO is silent"):
        await heard(running, 0 * samples)

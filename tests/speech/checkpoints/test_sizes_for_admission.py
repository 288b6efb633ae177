"""The size by which a shipped model is admitted before it was measured, with each engine."""

import pytest

from greenroom.controller.measurements import Measurements
from greenroom.settings import Settings
from greenroom.settings.models import ModelSettings
from greenroom.triton.repository import Repository
from greenroom_speech.checkpoints.releases import EDITX, SPEAKER_FILE, TOKENIZER, whisper

SPEAKER = EDITX.location(SPEAKER_FILE)
READ = {
    ("asr", "whisper"): whisper("large-v3").locations(),
    ("tokenizer", "step-audio"): [*TOKENIZER.locations(), SPEAKER],
    ("tts", "step-audio-editx"): EDITX.locations(),
}
WEIGHTS = (".pt", ".onnx", ".safetensors")


@pytest.fixture
def sizes(tmp_path):
    """Make every released file, empty but as long as none of the others."""
    sizes = {}
    for number, location in enumerate(sorted({name for names in READ.values() for name in names})):
        file = tmp_path / location
        file.parent.mkdir(parents=True, exist_ok=True)
        sizes[location] = 2**30 + 2**number
        with file.open("wb") as made:
            made.truncate(sizes[location])
    return sizes


@pytest.mark.parametrize(("model", "engine"), READ)
def test_the_weights_that_an_engine_reads_are_counted(sizes, tmp_path, monkeypatch, model, engine):
    monkeypatch.setenv(f"GREENROOM_{model.upper()}_ENGINE", engine)
    settings = Settings(runtime_dir=tmp_path / "runtime")
    spec = Repository(*settings.repositories).models[model]
    read = sum(sizes[name] for name in READ[model, engine] if name.endswith(WEIGHTS))
    measurements = Measurements(settings.runtime, ModelSettings(models_dir=tmp_path))
    assert measurements.weight_bytes(spec) == read


def test_an_engine_without_weights_needs_none(sizes, tmp_path, monkeypatch):
    monkeypatch.setenv("GREENROOM_TTS_ENGINE", "embedded")
    settings = Settings(runtime_dir=tmp_path / "runtime")
    spec = Repository(*settings.repositories).models["tts"]
    measurements = Measurements(settings.runtime, ModelSettings(models_dir=tmp_path))
    assert measurements.weight_bytes(spec) == 0

"""The engine `step-audio-editx` with a language model of 8 and of 4 bit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from spoken_rows import clone, wave
from tiny_checkpoints.packed_layer import packed_layer, quantization_config
from tiny_checkpoints.released_sizes import released_sizes
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.device_bytes import device_bytes, language_model_bytes
from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX
from greenroom_speech.settings import EngineSettings

pytestmark = pytest.mark.slow

GROUP = 32


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release, and beside it the one whose layers have 4 bit."""
    models = voice_checkpoint(tmp_path_factory.mktemp("models"))
    released, awq = models / "Step-Audio-EditX", models / "Step-Audio-EditX-AWQ-4bit"
    awq.mkdir()
    config = json.loads((released / "config.json").read_text())
    config["quantization_config"] = quantization_config(GROUP, symmetric=True)
    (awq / "config.json").write_text(json.dumps(config))
    state = {}
    for name, weight in load_file(released / "model-00001.safetensors").items():
        if name.endswith("_proj.weight"):
            packed = packed_layer(weight, GROUP, symmetric=True)
            below = name.removesuffix("weight")
            state |= {f"{below}{part}": value for part, value in packed.items()}
        else:
            state[name] = weight
    save_file(state, awq / "model.safetensors")
    return models


def engine_of(models: Path, precision: str, cache: Path) -> StepAudioEditX:
    settings = EngineSettings(models_dir=models, tts_precision=precision, cache_dir=cache)
    return StepAudioEditX(settings)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_it_speaks_and_comes_back_with_the_packed_bytes(
    models: Path, tmp_path: Path, precision: str
) -> None:
    engine = engine_of(models, precision, tmp_path)
    engine.prime()
    before = wave(engine, clone("Hello there."))
    assert np.isfinite(before).all()
    assert 0 < np.abs(before).max() <= 1
    engine.offload()
    assert engine.memory().device_bytes == 0
    engine.restore()
    assert np.array_equal(wave(engine, clone("Hello there.")), before)
    held = {name: value.dtype for name, value in engine._model.named_parameters()}
    types = {dtype for name, dtype in held.items() if name.endswith("_proj.weight")}
    assert types == {torch.int8 if precision == "int8" else torch.uint8}
    assert held["lm_head.weight"] == held["model.embed_tokens.weight"] == torch.bfloat16
    assert (tmp_path / "dequantised_rows.json").exists()
    engine.close()


def test_a_checkpoint_of_another_precision_is_refused(models: Path, tmp_path: Path) -> None:
    other = tmp_path / "models"
    other.mkdir()
    released = models / "Step-Audio-EditX"
    (other / "Step-Audio-EditX").symlink_to(released)
    (other / "Step-Audio-EditX-AWQ-4bit").symlink_to(released)
    with pytest.raises(SetupError, match=r"precision is int4, but .* is not quantised"):
        engine_of(other, "int4", tmp_path)
    quantised = tmp_path / "quantised" / "Step-Audio-EditX"
    quantised.mkdir(parents=True)
    for file in released.iterdir():
        (quantised / file.name).symlink_to(file)
    (quantised / "config.json").unlink()
    (quantised / "config.json").symlink_to(models / "Step-Audio-EditX-AWQ-4bit" / "config.json")
    with pytest.raises(SetupError, match=r"precision is int8, but .* is quantised to 4 bit"):
        engine_of(quantised.parent, "int8", tmp_path)
    lacking = tmp_path / "none"
    lacking.mkdir()
    (lacking / "Step-Audio-EditX").symlink_to(models / "Step-Audio-EditX")
    with pytest.raises(SetupError, match=r"AWQ-4bit/config.json.*pull step-audio-awq"):
        engine_of(lacking, "int4", tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"quant_method": "gptq"}, "quant_method: Input should be 'compressed-tensors'"),
        ({"ignore": []}, "must have lm_head"),
        ({"config_groups": {}}, "config_groups"),
        ({"config_groups": {"a": {"weights": {"num_bits": 8}}}}, "num_bits: Input should be 4"),
    ],
)
def test_another_way_to_quantise_is_refused(
    models: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    (tmp_path / "Step-Audio-EditX").symlink_to(models / "Step-Audio-EditX")
    awq = tmp_path / "Step-Audio-EditX-AWQ-4bit"
    awq.mkdir()
    config = json.loads((models / awq.name / "config.json").read_text())
    config["quantization_config"] |= change
    (awq / "config.json").write_text(json.dumps(config))
    (awq / "model.safetensors").symlink_to(models / awq.name / "model.safetensors")
    with pytest.raises(SetupError, match=words):
        engine_of(tmp_path, "int4", tmp_path)


@pytest.mark.parametrize("precision", ["bf16", "int8", "int4", "float32"])
def test_what_it_says_before_it_is_loaded_is_what_it_takes(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setenv("GREENROOM_MODELS_DIR", str(models))
    monkeypatch.setenv("GREENROOM_TTS_STREAMS", "1")
    settings = EngineSettings(tts_precision=precision, cache_dir=tmp_path)
    engine = StepAudioEditX(settings)
    told, taken = device_bytes(precision), engine.arena._scratch_end
    # The files have containers around the vocoder's weights.
    assert taken == pytest.approx(told, rel=0.02)
    engine.close()


def test_the_released_sizes(tmp_path: Path) -> None:
    models = released_sizes(tmp_path)
    folder = {"int4": "Step-Audio-EditX-AWQ-4bit"}
    told = {
        precision: language_model_bytes(
            models / folder.get(precision, "Step-Audio-EditX") / "model.safetensors", precision
        )
        / 1e9
        for precision in ("bf16", "int8", "int4")
    }
    assert told == pytest.approx({"bf16": 7.06, "int8": 4.04, "int4": 2.60}, abs=0.01)

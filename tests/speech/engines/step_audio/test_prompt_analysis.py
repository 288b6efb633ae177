"""The engine `step-audio` of the model `tokenizer` on a tiny checkpoint."""

import io
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
import yaml
from engine_requests import audio, reference
from tiny_checkpoints.prompt_analysis import EMBEDDING, config, prompt_checkpoint

from greenroom.errors import InvalidInput, SetupError
from greenroom_speech.checkpoints.releases import EDITX, SPEAKER_FILE, TOKENIZER
from greenroom_speech.engines.step_audio.prompt_analysis.engine import StepAudioTokenizer
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_encoder import LinguisticEncoder
from greenroom_speech.engines.step_audio.prompt_analysis.weights import (
    PARAFORMER,
    PromptFiles,
)
from greenroom_speech.settings import EngineSettings

NAMES = ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return prompt_checkpoint(tmp_path_factory.mktemp("models"))


@pytest.fixture
def broken(models, tmp_path):
    """A copy of the checkpoint to damage."""
    return shutil.copytree(models, tmp_path / "models")


@pytest.fixture(scope="module")
def engine(models):
    made = StepAudioTokenizer(EngineSettings(models_dir=models))
    yield made
    made.close()


def build(models, **settings) -> StepAudioTokenizer:
    return StepAudioTokenizer(EngineSettings(models_dir=models, **settings))


def test_the_outputs_keep_the_contract(engine):
    samples = reference("henry")
    answer = engine.answer(audio(samples))
    assert set(answer) == set(NAMES)
    tokens = answer["PROMPT_TOKENS"]
    assert tokens.dtype == np.int32
    groups = tokens.reshape(-1, 5)
    assert ((groups[:, :2] >= 65_536) & (groups[:, :2] < 66_560)).all()
    assert ((groups[:, 2:] >= 66_560) & (groups[:, 2:] < 70_656)).all()
    assert len(np.unique(groups[:, :2])) > 10
    assert len(np.unique(groups[:, 2:])) > 5
    assert answer["SPEECH_FEATURES"].shape == (len(samples) // 480, 80)
    assert answer["SPEAKER_EMBEDDING"].shape == (EMBEDDING,)
    for name in NAMES[1:]:
        assert answer[name].dtype == np.float32
        rounded = torch.from_numpy(answer[name]).bfloat16().float().numpy()
        assert np.array_equal(answer[name], rounded)


def test_the_same_after_an_offload_and_a_restore(engine):
    request = audio(reference("clara"))
    before = engine.answer(request)
    weights = engine.memory().device_bytes
    assert weights > 0
    engine.offload()
    assert engine.memory().device_bytes == 0
    engine.restore()
    engine.cache.clear()
    after = engine.answer(request)
    assert after is not before
    assert all(np.array_equal(before[name], after[name]) for name in NAMES)


def test_the_same_audio_is_analysed_once(engine):
    request = audio(reference("henry")[:24_000])
    first, hits = engine.answer(request), engine.cache.hits
    assert engine.answer(request) is first
    assert engine.cache.hits == hits + 1
    assert engine.answer(audio(reference("henry")[:24_000], 22_050)) is not first


def test_another_checkpoint_is_another_key(models, broken, engine):
    again = PromptFiles(models).identity()
    assert PromptFiles(models).identity() == again
    os.utime(broken / PARAFORMER / "model.pt", (1, 1))
    assert PromptFiles(broken).identity() != again


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 192_000])
def test_every_rate_of_the_contract_is_taken(engine, rate):
    time = np.arange(rate) / rate
    answer = engine.answer(audio(0.3 * np.sin(2 * np.pi * 200 * time), rate))
    assert answer["SPEECH_FEATURES"].shape == (50, 80)
    assert len(answer["PROMPT_TOKENS"]) >= 40


def test_the_shortest_and_the_longest_recording(engine):
    noise = np.random.default_rng(0).normal(scale=0.1, size=30 * 16_000)
    assert len(engine.answer(audio(noise[:4_800], 16_000))["PROMPT_TOKENS"]) >= 10
    # 30.27 s of speech with its edges: the last 0.27 s are a piece of their own.
    assert len(engine.answer(audio(noise, 16_000))["PROMPT_TOKENS"]) == 1260
    with pytest.raises(InvalidInput, match=r"AUDIO lasts 0\.294 s; it must last at least 0\.3 s"):
        engine.answer(audio(noise[:4_700], 16_000))


def test_what_the_networks_can_not_take_is_refused_whatever_is_configured(models):
    engine = build(models, min_audio_seconds=0, max_edit_seconds=3)
    with pytest.raises(InvalidInput, match=r"AUDIO lasts 0\.099 s; it must last at least 0\.1 s"):
        engine.answer(audio(np.ones(1_590), 16_000))
    engine.answer(audio(np.ones(1_600), 16_000))
    with pytest.raises(InvalidInput, match=r"AUDIO lasts 3\.1 s; it must last at most 3 s"):
        engine.answer(audio(np.ones(31 * 1600), 16_000))
    engine.close()


def test_the_released_files_are_those_that_pull_fetches(models):
    found = {str(path.relative_to(models)) for path in models.rglob("*") if path.is_file()}
    assert found == {*TOKENIZER.locations(), EDITX.location(SPEAKER_FILE)}


def test_missing_files_are_named(broken):
    (broken / PARAFORMER / "am.mvn").unlink()
    shutil.rmtree(broken / "Step-Audio-EditX")
    with pytest.raises(SetupError) as raised:
        build(broken)
    sentence = str(raised.value)
    assert (
        f"lacks {PARAFORMER}/am.mvn, Step-Audio-EditX/CosyVoice-300M-25Hz/campplus.onnx;"
        in sentence
    )
    assert "`greenroom pull step-audio`" in sentence


class Payload:
    """What a pickle could execute."""

    def __reduce__(self):
        return os.system, ("false",)


def pickled(value) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (PARAFORMER / "model.pt", b"nothing", "is not a complete .pt file"),
        (PARAFORMER / "model.pt", pickled({"encoder.x": Payload()}), "holds posix.system"),
        (PARAFORMER / "model.pt", pickled([1]), "holds a list; it must be a state dict"),
        (PARAFORMER / "config.yaml", b"a: [", "is not a plain YAML file"),
        (PARAFORMER / "config.yaml", b"a: !!python/name:os.system", "is not a plain YAML file"),
        (PARAFORMER / "config.yaml", b"[]", "must have the mappings encoder_conf and frontend"),
        (
            "Step-Audio-Tokenizer/linguistic_tokenizer.npy",
            b"\x93NUMPY",
            "is not a complete npy file",
        ),
        (
            "Step-Audio-Tokenizer/linguistic_tokenizer.npy",
            pickle.dumps([1]),
            "is not a complete npy",
        ),
        ("Step-Audio-EditX/CosyVoice-300M-25Hz/campplus.onnx", b"x", "is not a network that"),
    ],
)
def test_files_that_are_not_what_they_should_be_are_named(broken, file, content, said):
    (broken / file).write_bytes(content)
    with pytest.raises(SetupError) as raised:
        build(broken)
    assert said in str(raised.value)
    assert str(broken / file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_weights_are_loaded_strictly(broken):
    path = broken / PARAFORMER / "model.pt"
    state = torch.load(path, weights_only=True)
    norm = state.pop("encoder.after_norm.bias")
    torch.save(state, path)
    with pytest.raises(SetupError, match=r"lacks tensor encoder\.after_norm\.bias"):
        build(broken)
    torch.save(state | {"encoder.after_norm.bias": norm[1:]}, path)
    with pytest.raises(SetupError, match=r"encoder\.after_norm\.bias .* shape \[31\]; .* \[32\]"):
        build(broken)
    torch.save(state | {"encoder.after_norm.bias": norm, "encoder.more": norm}, path)
    with pytest.raises(SetupError, match=r"has tensor encoder\.more"):
        build(broken)


def test_another_front_end_is_refused(broken):
    other = config()
    other["frontend_conf"]["lfr_m"] = 5
    (broken / PARAFORMER / "config.yaml").write_text(yaml.safe_dump(other))
    with pytest.raises(SetupError, match=r"frontend_conf\.lfr_m .* is 5; this engine needs 7"):
        build(broken)


@pytest.mark.parametrize(("old_form", "wrapped"), [(True, False), (False, True)])
def test_every_form_of_a_state_dict_is_read(broken, engine, old_form, wrapped):
    path = broken / PARAFORMER / "model.pt"
    state = torch.load(path, weights_only=True)
    state = {"state_dict": state} if wrapped else state
    torch.save(state, path, _use_new_zipfile_serialization=not old_form)
    other = build(broken)
    request = audio(reference("henry")[:24_000])
    same = engine.answer(request)["PROMPT_TOKENS"] == other.answer(request)["PROMPT_TOKENS"]
    other.close()
    assert same.all()


def test_the_released_encoder_has_652_tensors():
    settings = config()["encoder_conf"] | {
        "output_size": 512,
        "linear_units": 2048,
        "num_blocks": 50,
    }
    with torch.device("meta"):
        network = LinguisticEncoder(settings)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes.pop("centres") == (1024, 512)
    assert len(shapes) == 652
    assert shapes["encoder.encoders0.0.self_attn.linear_q_k_v.weight"] == (1536, 560)
    assert shapes["encoder.encoders.48.self_attn.fsmn_block.weight"] == (512, 1, 11)

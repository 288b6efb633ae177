"""The engine `step-audio-editx` on a small checkpoint with the released names."""

from hashlib import sha256

import numpy as np
import pytest
import torch
from spoken_rows import clone, prompt, together, wave, words
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.errors import InvalidInput, SetupError
from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX
from greenroom_speech.settings import EngineSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return voice_checkpoint(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models):
    # What a random model says is too short for most texts.
    engine = StepAudioEditX(
        EngineSettings(models_dir=models, tts_precision="float32", tts_redraws=-1)
    )
    yield engine
    engine.close()


def test_a_clone_is_a_sound(engine):
    made = wave(engine, clone("Hello there."))
    assert made.dtype == np.float32
    assert len(made) % 960 == 0
    assert np.isfinite(made).all()
    assert 0 < np.abs(made).max() <= 1


def test_requests_of_a_batch_get_what_they_get_alone(engine):
    chain = {"TASK": ("clone", "emotion", "style"), "TASK_INFO": ("", "sad", "whisper")}
    sentence = "This is one of quite a few sentences which are all rather long to say aloud. "
    batch = [
        clone("Hello there.", 1),
        clone("Good day.", 2, **chain),
        prompt(40, 3) | {"TASK": words("denoise"), "SEED": np.array([3])},
        clone("x", 4, TASK=("clone", "emotion"), TASK_INFO=("", "grumpy")),
        clone(sentence * 9, 5),
    ]
    answers = together(engine, batch)
    assert isinstance(answers[3], InvalidInput)
    for request, answer in zip(batch, answers, strict=True):
        if not isinstance(answer, Exception):
            assert np.allclose(wave(engine, request), answer["WAVEFORM"], atol=1e-4)


def test_the_same_seed_gives_the_same_and_another_another(engine):
    first, again = wave(engine, clone("Hello.", 7)), wave(engine, clone("Hello.", 7))
    assert np.array_equal(first, again)
    other = wave(engine, clone("Hello.", 7) | {"SEED": np.array([8])})
    assert first.shape != other.shape or not np.allclose(first, other)


def test_without_a_seed_it_is_a_new_draw_that_can_be_had_again(engine):
    request = clone("Hello.")
    del request["SEED"]
    drawn = together(engine, [request] * 8)  # a network that knows nothing may say nothing
    first, second = [answer for answer in drawn if not isinstance(answer, Exception)][:2]
    seeds = [int(answer["SEED_USED"][0]) for answer in (first, second)]
    assert seeds[0] != seeds[1]
    assert all(0 < seed < 2**31 for seed in seeds)
    assert together(engine, [clone("Hello.", 7)])[0]["SEED_USED"].tolist() == [7]
    again = wave(engine, request | {"SEED": np.array(seeds[:1])})
    assert np.array_equal(again, first["WAVEFORM"])


def test_each_release_has_its_own_prompt_speaker_and_rules(models):
    asked = {}
    for year in ("2026", "2025"):
        engine = StepAudioEditX(EngineSettings(models_dir=models, tts_release=year))
        heard = {"AUDIO": np.ones(8000, np.float32), "SAMPLE_RATE": np.array([16000])}
        row = engine.begin(clone("Hello.") | heard, whole=True)
        sampling = engine._language.generator._sampling
        ids = next(row.wanting()).wanted().ids
        asked[year] = (sampling.top_k, sampling.repetition_aware, engine._tokenizer, ids)
        engine.end(row)
        engine.close()
    assert asked["2026"][:2] == (0, False)
    assert asked["2025"][:2] == (50, True)
    name = "clone_" + sha256(b"hello world" + np.ones(2000, np.float32).tobytes()).hexdigest()[:16]
    for year, speaker in (("2026", "debug"), ("2025", name)):
        *_, tokenizer, ids = asked[year]
        named = tokenizer.encode(f"speaker name: {speaker}\n")[-6:-1]
        assert any(ids[place : place + 5] == named for place in range(len(ids)))


def test_an_edit_of_an_edit_differs_from_one(engine):
    seed = {"SEED": np.array([0])}
    once = seed | {"TASK": words("emotion"), "TASK_INFO": words("happy")}
    twice = seed | {"TASK": words("emotion", "emotion"), "TASK_INFO": words("happy", "happy")}
    first, second = wave(engine, prompt() | once), wave(engine, prompt() | twice)
    assert first.shape != second.shape or not np.allclose(first, second)


def test_a_model_that_does_not_end_is_an_error_with_a_way_out(models):
    settings = EngineSettings(models_dir=models, max_speech_seconds=0.1, tts_precision="float32")
    engine = StepAudioEditX(settings)
    answers = together(engine, [clone("Hello.", seed) for seed in range(8)])
    errors = [str(answer) for answer in answers if isinstance(answer, Exception)]
    assert any("in 3 attempts, the last time because it had not" in error for error in errors)
    engine.close()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TEXT": words("a <|EOT|> b")}, r"TEXT contains '<\|EOT\|>'"),
        ({"TRANSCRIPT": words("<audio_5>")}, "TRANSCRIPT contains '<audio_5>'"),
        ({"PROMPT_TOKENS": np.array([5, 70000], np.int32)}, "values from 5 to 70000"),
        ({"PROMPT_TOKENS": np.zeros(0, np.int32)}, "PROMPT_TOKENS is empty"),
        ({"PROMPT_TOKENS": np.full(1400, 65536, np.int32)}, "are 34 s of speech"),
        ({"LANGUAGE": words("klingon")}, "LANGUAGE is 'klingon'"),
        ({"SPEECH_FEATURES": np.zeros((9, 3), np.float32)}, r"SPEECH_FEATURES has shape \(9, 3\)"),
        ({"SPEAKER_EMBEDDING": np.zeros(7, np.float32)}, r"SPEAKER_EMBEDDING has shape \(7,\)"),
        ({"SPEECH_FEATURES": np.full((9, 80), np.nan, np.float32)}, "must be finite"),
    ],
)
def test_bad_input_is_refused_by_name(engine, change, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        wave(engine, clone("Hello.") | change)


def test_offload_and_restore_give_the_same_bits(engine):
    before = wave(engine, clone("Hello there.", 3))
    for _ in range(3):
        engine.offload()
        assert engine.memory().device_bytes == 0
        engine.restore()
    assert np.array_equal(wave(engine, clone("Hello there.", 3)), before)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.model", "flow.pt", "cosyvoice.yaml"])
def test_a_missing_file_is_named(models, tmp_path, missing):
    for path in models.rglob("*"):
        if path.is_file() and path.name != missing:
            target = tmp_path / path.relative_to(models)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    with pytest.raises(SetupError, match=rf"lacks \S*{missing}; `greenroom pull step-audio`"):
        StepAudioEditX(EngineSettings(models_dir=tmp_path))


def test_a_checkpoint_that_lacks_a_tensor_is_refused_by_name(models, tmp_path):
    from safetensors.torch import load_file, save_file

    for path in models.rglob("*"):
        if path.is_file() and not path.name.startswith("model"):
            target = tmp_path / path.relative_to(models)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    state = load_file(models / "Step-Audio-EditX" / "model-00001.safetensors")
    del state["model.layers.1.mlp.up_proj.weight"]
    save_file(state, tmp_path / "Step-Audio-EditX" / "model.safetensors")
    with pytest.raises(SetupError, match=r"lacks tensor model\.layers\.1\.mlp\.up_proj\.weight"):
        StepAudioEditX(EngineSettings(models_dir=tmp_path))


def test_bfloat16_is_the_default(models):
    engine = StepAudioEditX(EngineSettings(models_dir=models))
    assert next(engine._model.parameters()).dtype == torch.bfloat16
    assert len(wave(engine, clone("Hello."))) > 0
    engine.close()

"""The engine `step-audio-editx` on a small checkpoint with the released names."""

import numpy as np
import pytest
import torch
from tiny_checkpoints.voice import voice_checkpoint

from greenroom.errors import InvalidInput, SetupError
from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX
from greenroom_speech.settings import EngineSettings

pytestmark = pytest.mark.slow

RATE = 24000


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return voice_checkpoint(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models):
    engine = StepAudioEditX(EngineSettings(models_dir=models, tts_dtype="float32"))
    yield engine
    engine.close()


def prompt(groups=25, seed=0):
    draw = np.random.default_rng(seed)
    linguistic = 65536 + draw.integers(0, 1024, (groups, 2))
    semantic = 66560 + draw.integers(0, 4096, (groups, 3))
    return {
        "PROMPT_TOKENS": np.hstack([linguistic, semantic]).reshape(-1).astype(np.int32),
        "SPEECH_FEATURES": draw.normal(size=(6 * groups, 80)).astype(np.float32),
        "SPEAKER_EMBEDDING": draw.normal(size=192).astype(np.float32),
        "TRANSCRIPT": words("hello world"),
    }


def words(*values):
    return np.array(values, dtype=np.object_)


def clone(text, seed=0, **more):
    given = {name: words(*value) for name, value in more.items()}
    return prompt(seed=seed) | {"TEXT": words(text), "SEED": np.array([seed])} | given


def wave(engine, request):
    [answer] = engine.run([request])
    if isinstance(answer, Exception):
        raise answer
    assert answer["WAVEFORM_RATE"].tolist() == [RATE]
    return answer["WAVEFORM"]


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
        prompt(40, 3) | {"TASK": words("denoise")},
        clone("x", 4, TASK=("clone", "emotion"), TASK_INFO=("", "grumpy")),
        clone(sentence * 9, 5),
    ]
    together = engine.run(batch)
    assert isinstance(together[3], InvalidInput)
    for request, answer in zip(batch, together, strict=True):
        if not isinstance(answer, Exception):
            assert np.allclose(wave(engine, request), answer["WAVEFORM"], atol=1e-4)


def test_the_same_seed_gives_the_same_and_another_another(engine):
    first, again = wave(engine, clone("Hello.", 7)), wave(engine, clone("Hello.", 7))
    assert np.array_equal(first, again)
    other = wave(engine, clone("Hello.", 7) | {"SEED": np.array([8])})
    assert first.shape != other.shape or not np.allclose(first, other)


def test_an_edit_of_an_edit_differs_from_one(engine):
    once = {"TASK": words("emotion"), "TASK_INFO": words("happy")}
    twice = {"TASK": words("emotion", "emotion"), "TASK_INFO": words("happy", "happy")}
    first, second = wave(engine, prompt() | once), wave(engine, prompt() | twice)
    assert first.shape != second.shape or not np.allclose(first, second)


def test_a_model_that_does_not_end_is_an_error_with_a_way_out(models):
    settings = EngineSettings(models_dir=models, max_speech_seconds=0.1, tts_dtype="float32")
    engine = StepAudioEditX(settings)
    answers = engine.run([clone("Hello.", seed) for seed in range(8)])
    errors = [str(answer) for answer in answers if isinstance(answer, Exception)]
    assert any("within 0 s of speech; try another SEED" in error for error in errors)
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

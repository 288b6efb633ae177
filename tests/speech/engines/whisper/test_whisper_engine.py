"""The engine: contract, cache, residency, checkpoints that do not fit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from engine_requests import audio, text
from tiny_checkpoints import tiny_whisper
from whisper.model import Whisper
from whisper_recordings import NAMES, long_speech, noise, speech

from greenroom.errors import InvalidInput, SetupError
from greenroom.managed.engine import Request
from greenroom_speech.engines.whisper.windows import Transcriber

pytestmark = pytest.mark.slow


def request(samples, **given):
    return {**audio(samples, 16_000), **{name: text(value) for name, value in given.items()}}


def words(answer):
    return answer["TRANSCRIPT"][0], answer["AUDIO_LANGUAGE"][0]


@pytest.fixture(scope="module")
def listener(network):
    """Return a listener over the checkpoint's values, which were rounded to half precision."""
    rounded = tiny_whisper.network()
    rounded.load_state_dict({k: v.half().float() for k, v in network.state_dict().items()})
    return Transcriber(rounded)


def test_it_answers_with_words_and_language(whisper_engine, listener):
    engine = whisper_engine()
    engine.prime()
    for name in NAMES:
        heard = listener.listen(speech(name), None)
        assert words(engine.answer(request(speech(name)))) == (heard.text, heard.language)


def test_a_given_language_is_kept(whisper_engine):
    answer = whisper_engine().answer(request(speech(NAMES[0]), AUDIO_LANGUAGE="German"))
    assert words(answer)[1] == "de"


def test_a_given_transcript_is_handed_through_and_nothing_runs(whisper_engine):
    engine = whisper_engine()
    engine._listener = None
    given = {"TRANSCRIPT": "随便", "AUDIO_LANGUAGE": "xx-Latn"}
    assert words(engine.answer(request(speech(NAMES[0]), **given))) == ("随便", "xx-Latn")
    del given["AUDIO_LANGUAGE"]
    assert words(engine.answer(request(speech(NAMES[0]), **given))) == ("随便", "")


def test_the_same_recording_is_heard_once_per_language(whisper_engine):
    engine = whisper_engine()
    samples = speech(NAMES[0])
    first = engine.answer(request(samples))
    assert engine.answer(request(samples)) is first
    assert engine.answer(request(samples, AUDIO_LANGUAGE="en")) is not first
    assert engine.answer(request(samples[:-1])) is not first
    assert (engine.cache.hits, engine.cache.misses) == (1, 3)


@pytest.mark.parametrize(
    ("samples", "given", "sentence"),
    [
        (np.zeros(16_000), {}, r"^AUDIO is silent"),
        (np.zeros(16_000), {"TRANSCRIPT": "hello"}, r"^AUDIO is silent"),
        (noise(1), {"AUDIO_LANGUAGE": "Klingon"}, r"^AUDIO_LANGUAGE is 'Klingon'; it must be one"),
        (noise(31), {}, r"^AUDIO lasts 31.0 s"),
    ],
)
def test_a_wrong_request_is_refused(whisper_engine, samples, given, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        whisper_engine().answer(request(samples, **given))


def test_a_recording_of_70_s_is_heard_where_the_settings_allow_it(whisper_engine, listener):
    engine = whisper_engine(max_audio_seconds=100)
    samples = long_speech(70)
    heard = listener.listen(samples, None)
    assert words(engine.answer(request(samples))) == (heard.text, heard.language)
    assert len(heard.text.split()) > 30


@pytest.mark.long
def test_each_word_has_its_time_in_every_window(whisper_engine):
    engine = whisper_engine(max_audio_seconds=100)
    asked = Request(request(long_speech(70)))
    asked.outputs = frozenset(("WORD_TEXTS", "WORD_TIMES"))
    answer = engine.answer(asked)
    assert " ".join(answer["WORD_TEXTS"]) == words(answer)[0] == words(engine.answer({**asked}))[0]
    starts = answer["WORD_TIMES"][:, 0]
    assert (np.diff(starts) >= 0).all()
    assert [sum((starts >= at) & (starts < at + 30)) > 0 for at in (0, 30, 60)] == [True] * 3
    assert answer["SEGMENT_TIMES"][-1, 1] <= 70


def test_a_translation_is_another_task(whisper_engine, monkeypatch):
    tasks = []
    decode = Whisper.decode
    monkeypatch.setattr(Whisper, "decode", lambda *a: tasks.append(a[2].task) or decode(*a))
    engine = whisper_engine()
    for task in ("transcribe", "translate"):
        engine.answer(request(speech(NAMES[0]), ASR_TASK=task))
    assert (tasks[0], tasks[-1]) == ("transcribe", "translate")


def test_other_rates_are_resampled(whisper_engine):
    samples = speech(NAMES[0])
    answer = whisper_engine().answer(audio(np.repeat(samples, 3), 48_000))
    assert len(words(answer)[0].split()) == 12


def test_offload_frees_the_device_and_nothing_is_heard_differently(whisper_engine):
    engine = whisper_engine(cache_bytes=0)
    before = words(engine.answer(request(noise(1))))
    held = engine.memory()
    assert held.device_bytes > 10_000_000
    engine.offload()
    assert engine.memory().device_bytes == 0
    assert engine.memory().host_bytes == held.host_bytes
    engine.restore()
    assert words(engine.answer(request(noise(1)))) == before


def test_an_english_checkpoint_knows_english_only(whisper_engine, english_network, tmp_path):
    path = tiny_whisper.write(tmp_path / "tiny.en.pt", english_network)
    engine = whisper_engine(whisper_model=str(path))
    assert words(engine.answer(request(noise(1), AUDIO_LANGUAGE="English")))[1] == "en"
    assert words(engine.answer(request(noise(1))))[1] == "en"
    with pytest.raises(
        InvalidInput, match=r"^ASR_TASK is 'translate'; Whisper's model .*tiny.en.pt"
    ):
        engine.answer(request(noise(1), ASR_TASK="translate"))
    with pytest.raises(InvalidInput, match=r"^AUDIO_LANGUAGE is 'zh'; it must be one of en, or"):
        engine.answer(request(noise(1), AUDIO_LANGUAGE="zh"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(whisper_engine):
    with pytest.raises(SetupError, match=r"^GREENROOM_ASR_DEVICE is cuda, but torch finds no GPU"):
        whisper_engine(asr_device="cuda")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("decoder.ln.bias"), "decoder.ln.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra"),
        (lambda state: state.update({"encoder.conv1.bias": torch.zeros(3)}), "encoder.conv1.bias"),
    ],
)
def test_a_tensor_too_few_too_many_or_of_another_shape_is_named(
    whisper_engine, network, tmp_path, change, sentence
):
    state = dict(network.state_dict())
    change(state)
    wrong = SimpleNamespace(dims=network.dims, state_dict=lambda: state)
    path = tiny_whisper.write(tmp_path / "wrong.pt", wrong)
    with pytest.raises(SetupError, match=sentence):
        whisper_engine(whisper_model=str(path))

"""Whisper on CTranslate2, on a tiny checkpoint that is converted here."""

import _ctypes
import shutil
from types import SimpleNamespace

import numpy as np
import pynvml
import pytest
import soundfile
from engine_requests import audio, text
from tiny_checkpoints import tiny_faster_whisper, tiny_whisper

from greenroom.errors import InvalidInput, SetupError
from greenroom.managed.engine import Request
from greenroom_speech.engines.faster_whisper import network as network_module
from greenroom_speech.engines.faster_whisper.engine import FasterWhisperAsr
from greenroom_speech.engines.heap import allocated
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.whisper.windows import Transcriber
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voice, voices

pytestmark = pytest.mark.slow
NAMES = [one.name for one in voices()]


@pytest.fixture(scope="module")
def network():
    return tiny_whisper.network()


@pytest.fixture(scope="module")
def models(tmp_path_factory, network):
    folder = tmp_path_factory.mktemp("models")
    tiny_faster_whisper.write(folder / "faster-whisper" / "tiny", network)
    return folder


@pytest.fixture(scope="module")
def engine(models):
    settings = EngineSettings(models_dir=models, whisper_model="tiny", asr_device="cpu")
    engine = FasterWhisperAsr(settings)
    engine.prime()
    return engine


def speech(name):
    samples, rate = soundfile.read(voice(name).path, dtype="float32")
    return resampled(samples, rate, 16_000)


def request(samples, **given):
    return {**audio(samples, 16_000), **{name: text(value) for name, value in given.items()}}


def words(answer):
    return answer["TRANSCRIPT"][0], answer["AUDIO_LANGUAGE"][0]


def test_it_hears_what_the_engine_whisper_hears(engine, network):
    listener = Transcriber(network)
    for name in NAMES:
        heard = listener.listen(speech(name), None)
        assert words(engine.answer(request(speech(name)))) == (heard.text, heard.language)


def test_words_have_times(engine):
    asked = Request(request(speech(NAMES[0])))
    asked.outputs = frozenset(("WORD_TEXTS", "WORD_TIMES"))
    answer = engine.answer(asked)
    assert " ".join(answer["WORD_TEXTS"]) == words(answer)[0]
    assert (np.diff(answer["WORD_TIMES"][:, 0]) >= 0).all()
    assert answer["WORD_TIMES"][-1, 1] <= len(speech(NAMES[0])) / 16_000


def test_languages_tasks_and_given_transcripts(engine):
    assert words(engine.answer(request(speech(NAMES[0]), AUDIO_LANGUAGE="German")))[1] == "de"
    assert words(engine.answer(request(speech(NAMES[0]), AUDIO_LANGUAGE="zh-CN")))[1] == "zh"
    assert words(engine.answer(request(speech(NAMES[0]), ASR_TASK="translate")))[0]
    long = np.resize(speech(NAMES[0]), 60 * 16_000)  # an edit's, which is not heard
    given = request(long, TRANSCRIPT="随便", AUDIO_LANGUAGE="xx")
    assert words(engine.answer(given)) == ("随便", "xx")
    with pytest.raises(InvalidInput, match=r"^AUDIO_LANGUAGE is 'Klingon'; it must be one of af"):
        engine.answer(request(speech(NAMES[0]), AUDIO_LANGUAGE="Klingon"))


def test_offload_frees_what_was_measured_and_nothing_is_heard_differently(models):
    settings = {"models_dir": models, "whisper_model": "tiny", "cache_bytes": 0}
    engine = FasterWhisperAsr(EngineSettings(**settings, asr_device="cpu"))
    before = words(engine.answer(request(speech(NAMES[1]))))
    held = engine.memory().device_bytes
    for _ in range(10):  # right after an answer, when the worker may still count as busy
        assert words(engine.answer(request(speech(NAMES[1])))) == before
        full = allocated()
        engine.offload()
        assert engine.memory().device_bytes == 0
        freed = full - allocated()
        engine.restore()
        engine.restore()
        assert engine.memory().device_bytes == pytest.approx(freed, rel=0.1)
        assert 10_000_000 < freed <= held


def test_an_english_model_does_not_translate(tmp_path):
    network = tiny_whisper.network(tiny_whisper.ENGLISH_ONLY)
    folder = tiny_faster_whisper.write(tmp_path / "tiny.en", network)
    engine = FasterWhisperAsr(EngineSettings(whisper_model=str(folder), asr_device="cpu"))
    assert words(engine.answer(request(speech(NAMES[0]))))[1] == "en"
    with pytest.raises(InvalidInput, match=r"^ASR_TASK is 'translate'; Whisper's model .*tiny.en"):
        engine.answer(request(speech(NAMES[0]), ASR_TASK="translate"))


def test_what_is_no_model_is_told_and_nothing_is_fetched(models, tmp_path):
    settings = {"models_dir": tmp_path, "whisper_model": "tiny", "asr_device": "cpu"}
    with pytest.raises(SetupError, match=r"faster-whisper/tiny/model.bin is missing; .*tokenizer"):
        FasterWhisperAsr(EngineSettings(**settings))
    shutil.copytree(models / "faster-whisper", tmp_path / "faster-whisper")
    (tmp_path / "faster-whisper" / "tiny" / "model.bin").write_bytes(b"no model")
    with pytest.raises(SetupError, match=r"faster-whisper/tiny cannot be loaded as default"):
        FasterWhisperAsr(EngineSettings(**settings))
    with pytest.raises(SetupError, match=r"^GREENROOM_ASR_DEVICE is cuda, but CTranslate2 finds"):
        FasterWhisperAsr(EngineSettings(models_dir=models, whisper_model="tiny", asr_device="cuda"))


@pytest.mark.parametrize(("visible", "card"), [("2", 2), ("GPU-a1", "GPU-a1"), (None, 0)])
def test_the_memory_is_that_of_the_gpu_that_triton_sees(monkeypatch, visible, card):
    used = {2: 20, "GPU-a1": 30, 0: 10}
    for name in ("nvmlInit", "nvmlShutdown"):
        monkeypatch.setattr(pynvml, name, lambda: None)
    for name in ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetHandleByUUID"):
        monkeypatch.setattr(pynvml, name, lambda asked: asked)
    told = SimpleNamespace
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda one: told(used=used[one]))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert network_module._gpu_used() == used[card]


def test_cublas_is_found_in_its_package(monkeypatch, tmp_path):
    if network_module._has_cublas():
        pytest.skip("this machine has cuBLAS 12")
    folder = tmp_path / "nvidia" / "cublas" / "lib"
    folder.mkdir(parents=True)
    shutil.copy(_ctypes.__file__, folder / "libcublas.so.12")  # any library that can be loaded
    monkeypatch.syspath_prepend(str(tmp_path))
    assert network_module._has_cublas()

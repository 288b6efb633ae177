"""The embedded engines, made once: they have no state but their caches."""

from collections.abc import Callable, Iterator

import pytest
from engine_requests import audio, reference, text

from greenroom.managed.engine import Tensors
from greenroom_speech.engines.embedded.asr import EmbeddedAsr
from greenroom_speech.engines.embedded.tokenizer import EmbeddedTokenizer
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.settings import EngineSettings
from greenroom_speech.voices import voice


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EngineSettings:
    return EngineSettings(cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def asr(settings: EngineSettings) -> EmbeddedAsr:
    return EmbeddedAsr(settings)


@pytest.fixture(scope="session")
def tokenizer(settings: EngineSettings) -> EmbeddedTokenizer:
    return EmbeddedTokenizer(settings)


@pytest.fixture(scope="session")
def tts(settings: EngineSettings) -> Iterator[EmbeddedTts]:
    engine = EmbeddedTts(settings)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def prompt(tokenizer: EmbeddedTokenizer) -> Callable[[str], Tensors]:
    """Return a maker of what tts needs to clone a bundled voice."""

    def make(name: str) -> Tensors:
        analysed = tokenizer.answer(audio(reference(name)))
        return {**analysed, "TRANSCRIPT": text(voice(name).transcript)}

    return make

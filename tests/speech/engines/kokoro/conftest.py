"""The engines kokoro, made once; without the extra neural nothing here is collected."""

from collections.abc import Iterator

import pytest

from greenroom.managed.engine_choice import lacking
from greenroom_speech.settings import EngineSettings

if lacking("tts", "kokoro"):
    collect_ignore_glob = ["test_*.py"]
else:
    from greenroom_speech.engines.kokoro.tokenizer import KokoroTokenizer
    from greenroom_speech.engines.kokoro.tts import KokoroTts


@pytest.fixture(scope="session")
def kokoro(settings: EngineSettings) -> "Iterator[KokoroTts]":
    engine = KokoroTts(settings)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def kokoro_tokenizer(settings: EngineSettings) -> "KokoroTokenizer":
    return KokoroTokenizer(settings)

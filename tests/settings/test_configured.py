"""A parameter of a model's config is a setting where the environment says nothing."""

import pytest

from greenroom.errors import SetupError
from greenroom.managed.engine_choice import precision_name
from greenroom_speech.settings import EngineSettings

GIVEN = {"precision": "int8", "streams": "true"}


def test_the_config_says_it() -> None:
    assert EngineSettings.configured("tts", GIVEN).tts_precision == "int8"
    assert EngineSettings.configured("tts", {}).tts_precision == "bf16"
    assert EngineSettings.configured("asr", GIVEN).tts_precision == "bf16"
    assert precision_name("tts", GIVEN) == "int8"
    assert precision_name("tts", {}) == ""


def test_the_environment_says_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENROOM_TTS_PRECISION", "int4")
    assert EngineSettings.configured("tts", GIVEN).tts_precision == "int4"
    assert precision_name("tts", GIVEN) == "int4"


def test_a_value_that_is_none_is_named() -> None:
    with pytest.raises(SetupError, match="precision of model 'tts' is 'int5': Input should be"):
        EngineSettings.configured("tts", {"precision": "int5"})

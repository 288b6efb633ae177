import pytest
from greenroom_speech.settings import EngineSettings

from greenroom.errors import SetupError
from greenroom.managed.engine_choice import chosen_engine

ENGINES = {
    "one": "test_engine_choice:One",
    "two": "test_engine_choice:Two",
    "lost": "no.such:Thing",
}


class One:
    def __init__(self, settings):
        self.settings = settings


class Two(One):
    pass


def config(name):
    return {"parameters": {"engine": {"string_value": name}}}


def test_the_config_names_the_engine():
    settings = EngineSettings()
    engine = chosen_engine("tts", config("one"), ENGINES, settings)
    assert type(engine) is One
    assert engine.settings is settings


def test_the_environment_goes_before_the_config(monkeypatch):
    monkeypatch.setenv("GREENROOM_TTS_ENGINE", "two")
    settings = EngineSettings()
    assert type(chosen_engine("tts", config("one"), ENGINES, settings)) is Two
    assert type(chosen_engine("asr", config("one"), ENGINES, settings)) is One


def test_a_model_of_ones_own_has_no_setting():
    assert type(chosen_engine("mine", config("two"), ENGINES, EngineSettings())) is Two


@pytest.mark.parametrize("given", [config("three"), {}])
def test_an_unknown_engine_is_refused_with_the_choices(given):
    with pytest.raises(SetupError, match=r"engine of model 'tts' .* one of one, two, lost\."):
        chosen_engine("tts", given, ENGINES, EngineSettings())

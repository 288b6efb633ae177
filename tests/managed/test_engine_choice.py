import re
import sys
from importlib.metadata import EntryPoint

import pytest

from greenroom.errors import SetupError
from greenroom.managed import engine_choice
from greenroom.managed.engine_choice import chosen_engine
from greenroom.settings import ModelSettings

INSTALLED = {
    "greenroom.engines.clock": {
        "one": "test_engine_choice:One",
        "two": "test_engine_choice:Two",
        "lost": "no.such:Thing",
        "empty": "test_engine_choice:Three",
    }
}


class One:
    def __init__(self, settings):
        self.settings = settings


class Two(One):
    pass


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    def entry_points(group):
        found = INSTALLED.get(group, {})
        return [EntryPoint(name, value, group) for name, value in found.items()]

    monkeypatch.setattr(engine_choice, "entry_points", entry_points)


def config(name):
    return {"parameters": {"engine": {"string_value": name}}}


def chosen(name, model="clock"):
    return chosen_engine(model, config(name), ModelSettings())


def test_the_config_names_an_installed_engine():
    settings = ModelSettings()
    engine = chosen_engine("clock", config("one"), settings)
    assert type(engine) is One
    assert engine.settings is settings


def test_the_config_names_a_class():
    assert type(chosen("test_engine_choice:Two", model="other")) is Two


def test_the_environment_goes_before_the_config(monkeypatch):
    monkeypatch.setenv("GREENROOM_MY_CLOCK_ENGINE", "test_engine_choice:Two")
    assert type(chosen("test_engine_choice:One", model="my-clock")) is Two
    assert type(chosen("test_engine_choice:One", model="clock")) is One


def test_an_engine_of_another_model_is_none_of_this_one():
    with pytest.raises(SetupError, match=r"model 'other' is 'one'; it must be one of package\."):
        chosen("one", model="other")


@pytest.mark.parametrize("given", [config("three"), {}])
def test_an_unknown_engine_is_refused_with_the_choices(given):
    with pytest.raises(SetupError, match=r"one of empty, lost, one, two, package\.module:Class"):
        chosen_engine("clock", given, ModelSettings())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lost", "No module named 'no'"),
        ("empty", "has no attribute 'Three'"),
        ("a b:C", "invalid format"),
    ],
)
def test_an_engine_that_cannot_be_imported_is_named(name, reason):
    with pytest.raises(SetupError, match=rf"'clock' cannot be imported: .*{re.escape(reason)}"):
        chosen(name)


def test_only_the_chosen_engine_is_imported():
    chosen("one")
    assert "no" not in sys.modules

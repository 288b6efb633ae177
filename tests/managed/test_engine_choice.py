import re
import sys
from importlib.metadata import EntryPoint, PathDistribution

import pytest

from greenroom.errors import SetupError
from greenroom.managed import engine_choice
from greenroom.managed.engine_choice import chosen_engine, engine_name, engine_path, lacking
from greenroom.settings import ModelSettings

INSTALLED = {
    "greenroom.engines.clock": {
        "one": "test_engine_choice:One",
        "two": "test_engine_choice:Two",
        "lost": "no.such:Thing",
        "empty": "test_engine_choice:Three",
        "late": "test_engine_choice:late",
    }
}


class One:
    def __init__(self, settings):
        self.settings = settings


class Two(One):
    pass


def late(settings):
    """Make an engine that begins something before it imports its libraries."""
    from no.such import Thing

    return Thing(settings)


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    def installed(group):
        found = INSTALLED.get(group, {})
        return {name: EntryPoint(name, value, group) for name, value in found.items()}

    monkeypatch.setattr(engine_choice, "_installed", installed)
    monkeypatch.delenv("GREENROOM_ENGINES")


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


@pytest.mark.parametrize(("lacks", "engine"), [((), One), (("one",), Two), (("one", "two"), Two)])
def test_of_several_the_first_that_lacks_nothing_runs(monkeypatch, lacks, engine):
    monkeypatch.setattr(engine_choice, "lacking", lambda model, name: name in lacks)
    assert type(chosen("one, two")) is engine


def test_one_setting_chooses_a_set_for_every_model_that_has_it(monkeypatch):
    monkeypatch.setenv("GREENROOM_ENGINES", "new")
    sets = {"engine": "one", "engine.new": "two", "engine.old": "one"}
    assert engine_name("clock", sets) == "two"
    assert engine_name("clock", {"engine": "one"}) == "one"
    monkeypatch.setenv("GREENROOM_CLOCK_ENGINE", "one")
    assert engine_name("clock", sets) == "one"
    monkeypatch.delenv("GREENROOM_CLOCK_ENGINE")
    monkeypatch.setenv("GREENROOM_ENGINES", "newer")
    with pytest.raises(SetupError, match=r"^GREENROOM_ENGINES is 'newer'; .* one of new, old\.$"):
        engine_name("clock", sets)


def test_what_an_engine_lacks_is_what_its_extra_needs(monkeypatch, tmp_path):
    metadata = tmp_path / "clocks-1.dist-info" / "METADATA"
    metadata.parent.mkdir()
    needs = ["pytest", "not-there", "spring; extra == 'all'", "clocks[all]; extra == 'more'"]
    needs += ["numpy>=99; extra == 'more'", "pytest; extra == 'more'", "hand; extra == 'other'"]
    lines = ["Name: clocks", "Version: 1", *(f"Requires-Dist: {one}" for one in needs)]
    metadata.write_text("\n".join(lines))
    entry = EntryPoint("tower", "clocks:Tower [more]", "greenroom.engines.clock")
    vars(entry).update(dist=PathDistribution(metadata.parent))
    monkeypatch.setattr(engine_choice, "_installed", lambda group: {"tower": entry})
    assert lacking("clock", "tower") == ("spring", "numpy")
    assert engine_path("clock", "tower") == "clocks:Tower"


def test_an_engine_of_another_model_is_none_of_this_one():
    with pytest.raises(SetupError, match=r"model 'other' is 'one'; it must be one of package\."):
        chosen("one", model="other")


@pytest.mark.parametrize("given", [config("three"), {}])
def test_an_unknown_engine_is_refused_with_the_choices(given):
    with pytest.raises(SetupError, match=r"one of empty, late, lost, one, two, package"):
        chosen_engine("clock", given, ModelSettings())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lost", "No module named 'no'"),
        ("late", "No module named 'no'"),
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

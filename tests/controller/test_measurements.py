"""What is kept of the models' needs, and what is expected before that."""

import pytest
from model_folders import write_model

from greenroom.controller.measurements import FILE, Measurements
from greenroom.settings import ModelSettings
from greenroom.triton.repository import Repository


@pytest.fixture
def folder(tmp_path):
    write_model(tmp_path / "models", "tts")
    return tmp_path


def measurements(folder):
    return Measurements(folder / "runtime", ModelSettings(models_dir=folder / "pulled"))


def spec(folder):
    return Repository(folder / "models").models["tts"]


def test_a_measurement_outlives_the_process(folder):
    assert measurements(folder).of(spec(folder)) is None
    measurements(folder).keep(spec(folder), 1234)
    assert measurements(folder).of(spec(folder)) == 1234
    assert [path.name for path in (folder / "runtime").iterdir()] == [FILE]


def test_a_measurement_is_of_these_files_and_this_engine(folder, monkeypatch):
    measurements(folder).keep(spec(folder), 1234)
    with monkeypatch.context() as other:
        other.setenv("GREENROOM_TTS_ENGINE", "other")
        assert measurements(folder).of(spec(folder)) is None
    (folder / "models/tts/1/model.py").write_text("changed = True\n")
    assert measurements(folder).of(spec(folder)) is None


def test_a_measurement_is_of_one_precision(folder, monkeypatch):
    measurements(folder).keep(spec(folder), 1234)
    monkeypatch.setenv("GREENROOM_TTS_PRECISION", "int8")
    assert measurements(folder).of(spec(folder)) is None
    measurements(folder).keep(spec(folder), 600)
    assert measurements(folder).of(spec(folder)) == 600
    monkeypatch.setenv("GREENROOM_TTS_PRECISION", "int4")
    assert measurements(folder).of(spec(folder)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tts": 5}', "\0\xff"])
def test_a_broken_file_is_as_good_as_none(folder, text):
    (folder / "runtime").mkdir()
    (folder / "runtime" / FILE).write_text(text)
    found = measurements(folder)
    assert found.of(spec(folder)) is None
    found.keep(spec(folder), 1234)
    assert measurements(folder).of(spec(folder)) == 1234


def test_a_folder_that_can_not_be_written_to_is_no_error(folder):
    (folder / "runtime").write_text("a file")
    found = measurements(folder)
    found.keep(spec(folder), 1234)
    assert found.of(spec(folder)) == 1234


def test_weight_files_lie_in_the_models_folder(folder):
    assert measurements(folder).weight_bytes(spec(folder)) == 0
    (folder / "models/tts/1/model.safetensors").write_bytes(bytes(1000))
    (folder / "models/tts/1/notes.txt").write_bytes(bytes(1000))
    assert measurements(folder).weight_bytes(spec(folder)) == 1000


def test_weight_files_of_the_chosen_engine_lie_where_the_config_says(folder, monkeypatch):
    with (folder / "models/tts/config.pbtxt").open("a") as config:
        config.write('parameters { key: "engine" value { string_value: "embedded" } }\n')
        config.write('parameters { key: "weights.large" value { string_value: "large-1" } }\n')
    (folder / "pulled/large-1").mkdir(parents=True)
    for number in range(2):
        (folder / f"pulled/large-1/{number}.safetensors").write_bytes(bytes(1000))
    assert measurements(folder).weight_bytes(spec(folder)) == 0
    monkeypatch.setenv("GREENROOM_TTS_ENGINE", "large")
    assert measurements(folder).weight_bytes(spec(folder)) == 2000

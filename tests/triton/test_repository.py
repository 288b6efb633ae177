"""What is read of the model folders."""

import re

import pytest

from greenroom.residency.policy import Policy
from greenroom.triton.config_completion import completes_configs
from greenroom.triton.repository import Repository

TENSORS = """
input [ { name: "X" data_type: TYPE_FP32 dims: [ 1 ] } ]
output [ { name: "Y" data_type: TYPE_FP32 dims: [ 1 ] } ]
"""
WHOLE = f'backend: "python"{TENSORS}'
COMPLETES = "class TritonPythonModel:\n    def auto_complete_config(config): ...\n"


def parameter(name, value):
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}\n'


@pytest.fixture
def write(tmp_path):
    def write(name, config=None, program=""):
        version = tmp_path / name / "1"
        version.mkdir(parents=True)
        (version / "model.py").write_text(program)
        if config is not None:
            (tmp_path / name / "config.pbtxt").write_text(config)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("config", "program", "complete"),
    [
        (WHOLE, "", True),
        ('platform: "ensemble" ensemble_scheduling { }', "", True),
        (WHOLE, COMPLETES, False),
        (TENSORS, "", False),
        ('backend: "python"', "", False),
        (None, "", False),
    ],
)
def test_configs_are_completed_where_one_needs_it(write, free_settings, config, program, complete):
    write("whole", WHOLE)
    settings = free_settings(model_repository=write("model", config, program))
    assert Repository(*settings.repositories).models["model"].complete is complete
    assert completes_configs(settings) is not complete
    for told in (True, False):
        choice = settings.model_copy(update={"auto_complete_config": str(told).lower()})
        assert completes_configs(choice) is told


def test_a_folder_without_config_and_version_is_no_model(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "1").mkdir()
    (tmp_path / "file").touch()
    assert not Repository(tmp_path).models


def test_a_model_without_config_comes_and_goes(write, tmp_path):
    repository = Repository(tmp_path)
    assert not repository.has("model")
    write("model")
    assert repository.has("model")
    (tmp_path / "model" / "1" / "model.py").unlink()
    (tmp_path / "model" / "1").rmdir()
    assert not repository.still_has("model")


def test_what_triton_completed_outlives_a_look_at_the_folders(write):
    repository = Repository(write("model"))
    assert repository.models["model"].known_config is None
    repository.models["model"].completed.name = "model"
    write("other")
    assert repository.has("other")
    assert repository.models["model"].known_config.name == "model"


def test_the_policy_lies_beside_the_model(write):
    given = {"pinned": "true", "offload_after": "5", "unload_after": "-1"}
    config = WHOLE + "".join(parameter(*item) for item in given.items())
    models = Repository(write("model", config + parameter("engine", "fast"))).models
    assert models["model"].policy == Policy(pinned=True, offload_after=5, unload_after=-1)
    assert models["model"].parameters["engine"] == "fast"


def test_the_environment_goes_before_the_policy_of_the_config(write, monkeypatch, free_settings):
    monkeypatch.setenv("GREENROOM_POLICY", '{"model": {"pinned": false, "max_wait": 7}}')
    config = WHOLE + parameter("pinned", "true") + parameter("offload_after", "5")
    settings = free_settings(model_repository=write("model", config))
    spec = Repository(*settings.repositories).models["model"]
    expected = Policy(pinned=False, offload_after=5, max_wait=7)
    assert settings.policy_of("model", spec.policy) == expected
    assert settings.policy_of("other", spec.policy) == spec.policy


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("pinned", "maybe", "Input should be a valid boolean"),
        ("offload_after", "soon", "Input should be a valid number"),
        ("unload_after", "-0.5", r"Input should be -1 \(never\), 0 or more"),
        ("max_waiting", "-1", "Input should be greater than or equal to 0"),
    ],
)
def test_a_wrong_parameter_is_named_with_file_and_rule(write, caplog, name, value, rule):
    folder = write("model", WHOLE + parameter(name, value))
    assert not Repository(folder).models
    (record,) = caplog.records
    assert f"{folder}/model/config.pbtxt" in record.message
    assert f"Parameter {name} is '{value}'" in record.message
    assert re.search(rule, record.message)

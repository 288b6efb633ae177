"""What the children of the supervisor find in their environment."""

import os
import sysconfig
from pathlib import Path

import pytest

from greenroom.residency.policy import Policy
from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.triton import environment as environments
from greenroom.triton.environment import triton_environment
from greenroom.triton.installation import find_installation, installation


@pytest.fixture
def settings(free_settings, tmp_path):
    return free_settings(
        triton_key="sesame",
        api_keys="admin:open-open-open-open",
        policy={"tts": Policy(pinned=True, unload_after=-1)},
        max_held_bytes=12345,
        runtime_dir=tmp_path / "a folder",
    )


def test_children_read_the_same_settings_back(settings, monkeypatch):
    inherited = {"GREENROOM_LOAD_TIMEOUT": "1", "GREENROOM_TTS_ENGINE": "other"}
    environment = child_environment(settings, inherited)
    assert environment["GREENROOM_TTS_ENGINE"] == "other"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings


def test_the_default_runtime_folder_is_the_same_in_every_process(monkeypatch, tmp_path):
    settings = Settings(runtime_dir=None, http_port=18000)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    here = settings.runtime
    assert child_environment(settings, {})["GREENROOM_RUNTIME_DIR"] == str(here)


def test_models_find_the_libraries_and_no_key(settings):
    inherited = {"PATH": "/bin", "GREENROOM_API_KEY": "open-open-open-open"}
    environment = triton_environment(settings, find_installation(settings), inherited)
    assert "sesame" not in str(environment)
    assert "open-open" not in str(environment)
    assert environment["PATH"].endswith(f"{os.pathsep}/bin")
    for folder in environment["LD_LIBRARY_PATH"].split(os.pathsep):
        assert any(Path(folder).iterdir())


def test_the_systems_libraries_do_not_go_before_those_of_packages(settings, monkeypatch):
    systems = Path("/usr/lib", sysconfig.get_config_var("MULTIARCH"))
    monkeypatch.setattr(environments, "libpython_folder", lambda: systems)
    container = installation(Path("/opt/tritonserver/bin/tritonserver"))
    inherited = {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib"}
    environment = triton_environment(settings, container, inherited)
    assert environment["LD_LIBRARY_PATH"] == "/usr/local/nvidia/lib"


@pytest.mark.parametrize(("inherited", "arenas"), [({}, "2"), ({"MALLOC_ARENA_MAX": "9"}, "9")])
def test_the_heap_has_few_arenas_unless_told_otherwise(settings, inherited, arenas):
    environment = triton_environment(settings, find_installation(settings), inherited)
    assert environment["MALLOC_ARENA_MAX"] == arenas


@pytest.mark.parametrize(
    ("gpu", "inherited", "visible"), [(0, None, "0"), (1, "4,5", "5"), (0, "", "")]
)
def test_triton_sees_one_gpu(free_settings, gpu, inherited, visible):
    settings = free_settings(gpu=gpu)
    outer = {} if inherited is None else {"CUDA_VISIBLE_DEVICES": inherited}
    environment = triton_environment(settings, find_installation(settings), outer)
    assert environment["CUDA_VISIBLE_DEVICES"] == visible

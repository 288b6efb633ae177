"""What 0.1 has left is taken over, or refused with a sentence that says what to do.

state_of_0_1 was written by commit cba0928 while it served; env.names are those of its .env.example.
"""

import json
import shutil
from pathlib import Path

import pytest

from greenroom.settings import PROJECT
from greenroom.settings.unread import renamed_settings

pytestmark = pytest.mark.slow

STATE = Path(__file__).parent / "state_of_0_1"
BUNDLED = PROJECT / "speech" / "greenroom_speech" / "voices"
OLD_MODEL = """\
from typing import ClassVar

from greenroom.engines.managed_model import ManagedModel


class TritonPythonModel(ManagedModel):
    required = ("TEXT",)
    engines: ClassVar = {"own": "own_engine:OwnEngine"}
"""
OLD_CONFIG = """\
backend: "python"
max_batch_size: 8
input [ { name: "TEXT" data_type: TYPE_STRING dims: [ 1 ] optional: true } ]
output [ { name: "WORDS" data_type: TYPE_INT32 dims: [ -1 ] } ]
parameters { key: "engine" value { string_value: "own" } }
instance_group [ { count: 1 kind: KIND_CPU } ]
"""


@pytest.fixture
async def running(start, tmp_path, monkeypatch):
    """Return a service on the folders of 0.1, and with a model repository of that time."""
    runtime, voice, model = tmp_path / "old", tmp_path / "voices" / "kept", tmp_path / "models/own"
    runtime.mkdir(mode=0o700)
    for name in ("region.prefix", "triton.key", "measurements.json"):
        shutil.copy(STATE / name, runtime)
    # What it had prepared leads into an environment that has gone.
    backend = runtime / "backends" / "python"
    backend.mkdir(parents=True)
    (backend / "libtriton_python.so").symlink_to("/nowhere/libtriton_python.so")
    voice.mkdir(parents=True)
    shutil.copy(STATE / "voice.json", voice)
    shutil.copy(BUNDLED / "clara.flac", voice / "audio.flac")
    (model / "1").mkdir(parents=True)
    (model / "1" / "model.py").write_text(OLD_MODEL)
    (model / "config.pbtxt").write_text(OLD_CONFIG)
    monkeypatch.setenv("GREENROOM_VOICES_DIR", str(tmp_path / "voices"))
    own = PROJECT / "tests" / "models"
    return await start(runtime_dir=runtime, model_repository=(own, tmp_path / "models"))


async def test_voices_and_the_runtime_folder_are_taken_over(running):
    voices = (await running.web.get("/v1/voices")).json()["data"]
    (kept,) = (voice for voice in voices if voice["name"] == "kept")
    saved = json.loads((STATE / "voice.json").read_text())
    assert {name: kept[name] for name in saved} == saved
    recording = await running.web.get("/v1/voices/kept/audio")
    assert (recording.status_code, recording.content[:4]) == (200, b"fLaC")
    for name in ("region.prefix", "triton.key", "measurements.json"):
        assert (running.settings.runtime / name).read_text() == (STATE / name).read_text()


async def test_a_model_that_imports_what_has_moved_says_where_it_is(running):
    answer = await running.web.post("/residency/own/load")
    sentence = "greenroom.engines.managed_model is greenroom.managed.managed_model since 0.2"
    assert sentence in answer.json()["error"]
    assert sentence in (await running.residency("own"))["last_error"]


def test_every_variable_of_its_env_file_is_read_or_told():
    lines = (PROJECT / ".env.example").read_text().splitlines()
    now = {line[1:].partition("=")[0] for line in lines if line.startswith("#G")}
    then = set((STATE / "env.names").read_text().split())
    assert {name for name in then if name.startswith("GREENROOM_")} <= {*now, *renamed_settings()}

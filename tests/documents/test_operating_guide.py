"""What docs/operating.md tells to write is what the programs read."""

import configparser
import os
import shlex
import subprocess

import pytest
from command_forms import fault
from longest_stop import longest_stop
from markdown_page import Page, blocks_of

from greenroom.managed.engine_choice import engine_name
from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT, Settings

GUIDE = Page(PROJECT / "docs" / "operating.md")
RECIPES = blocks_of(GUIDE.section("Policies for three situations"), "sh")


@pytest.fixture
def read(monkeypatch):
    """Return a reader of settings as a shell leaves them after a script."""

    def read(script):
        clean = {name: os.environ[name] for name in os.environ if "GREENROOM" not in name}
        shell = ["bash", "-euc", f"{script}\nenv -0"]
        left = subprocess.run(shell, env=clean, capture_output=True, text=True, check=True).stdout
        for line in left.split("\0"):
            name, _, value = line.partition("=")
            if name.startswith("GREENROOM_"):
                monkeypatch.setenv(name, value)
        return Settings()

    return read


def test_on_a_shared_workstation_everything_leaves(read):
    settings = read(RECIPES[0])
    for model in ("asr", "tokenizer", "tts"):
        policy = settings.policy_of(model, Policy())
        assert not policy.pinned
        assert 0 < policy.offload_after <= 10
        assert policy.unload_after == 600
    assert settings.gpu_reserve_bytes == 2 * 2**30


def test_on_a_dedicated_card_everything_stays(read):
    settings = read(RECIPES[1])
    assert settings.policy_of("tts", Policy()).pinned  # the others are by their configs


def test_with_many_models_only_need_takes_one_away(read):
    settings = read(RECIPES[2])
    for model in ("asr", "tokenizer", "tts"):
        assert settings.policy_of(model, Policy()) == Policy(
            offload_after=-1, unload_after=-1, max_wait=300
        )
    assert settings.gpu_budget_bytes == 20e9
    assert settings.max_overtaken == 20
    assert len(RECIPES) == 3


def test_the_settings_file_is_one(read, monkeypatch):
    settings, *_ = blocks_of(GUIDE.section("Install on a machine with a GPU"), "ini")
    read("\n".join(f"export {line}" for line in settings.splitlines()))
    engines = [engine_name(model, {}) for model in ("asr", "tokenizer", "tts")]
    assert engines == ["whisper", "step-audio", "step-audio-editx"]


def test_the_unit_of_systemd_gives_the_service_time_to_end():
    _, unit = blocks_of(GUIDE.section("Install on a machine with a GPU"), "ini")
    parsed = configparser.ConfigParser()
    parsed.optionxform = str
    parsed.read_string(unit)
    service = parsed["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program.endswith(".venv/bin/greenroom")
    assert fault(words) is None
    assert int(service["TimeoutStopSec"]) > longest_stop(Settings())
    assert service["KillMode"] == "mixed"

"""docs/configuration.md says what the settings do."""

import runpy

import pytest
from pydantic import ValidationError

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT, Settings


def test_the_page_is_up_to_date():
    script = runpy.run_path(str(PROJECT / "scripts" / "configuration_table"))
    assert script["PAGE"].read_text(encoding="utf-8") == script["page"](), (
        "run scripts/configuration_table"
    )


def test_every_setting_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("GREENROOM_HTTP_PORT", "9000")
    monkeypatch.setenv("GREENROOM_POLICY", '{"tts": {"unload_after": 5}, "asr": {"max_wait": 7}}')
    settings = Settings()
    assert settings.http_port == 9000
    pinned = Policy(pinned=True)
    assert settings.policy_of("tts", Policy()) == Policy(unload_after=5)
    assert settings.policy_of("asr", pinned) == Policy(pinned=True, max_wait=7)
    assert settings.policy_of("tokenizer", pinned) == pinned


def test_a_setting_out_of_its_range_is_refused(monkeypatch):
    monkeypatch.setenv("GREENROOM_POLICY", '{"tts": {"unload_after": -2}}')
    with pytest.raises(ValidationError, match=r"tts\.unload_after"):
        Settings()

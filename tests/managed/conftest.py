"""A stepped model on a scripted Triton, for the tests of steps and of streams."""

from types import SimpleNamespace

import pytest
from steps_in_hand import stepped


@pytest.fixture
def log():
    return []


@pytest.fixture
def clock():
    return SimpleNamespace(now=1000.0)


@pytest.fixture
def hands(monkeypatch, log, clock):
    """Return a model of which one step is one execute, beside a Triton."""
    monkeypatch.setenv("GREENROOM_STEP_SECONDS", "0")
    return stepped(monkeypatch, log, clock)

"""A scripted server, a recording, and one way to ask both clients."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from both_clients import Ask, by_async, by_sync
from scripted_server import ScriptedServer, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    """Return a wav of half a second at 16 kHz, mono."""
    path = tmp_path / "tone.wav"
    samples = 0.5 * np.sin(2 * np.pi * 220 * np.arange(8000) / 16000)
    soundfile.write(path, samples, 16000)
    return path


@pytest.fixture(params=[by_sync, by_async])
def ask(request: pytest.FixtureRequest, server: ScriptedServer) -> Ask:
    """Return ``ask(method, *args, client=options, **kwargs)``, by each of the two clients."""
    chosen: Ask = request.param(server.url)
    return chosen

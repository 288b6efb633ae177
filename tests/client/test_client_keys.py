"""Every verb and call against a real service that wants API keys."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import GREENROOM, on_terminal, run
from real_service import real_service

from greenroom_client import AsyncClient, Client, Refused

pytestmark = pytest.mark.slow

ADMIN, INFERENCE = "admins-key-0123456789", "inference-key-0123456789"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    keys = f"admin:{ADMIN},inference:{INFERENCE}"
    with real_service(tmp_path_factory.mktemp("service"), api_keys=keys) as address:
        yield address


@pytest.fixture(scope="module")
def buzz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two seconds in which nobody speaks, but which the engines take for a voice."""
    path = tmp_path_factory.mktemp("buzz") / "buzz.wav"
    time = np.arange(32000) / 16000
    wave = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 12))
    soundfile.write(path, 0.1 * wave, 16000)
    return path


@pytest.fixture
def keyed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GREENROOM_URL", url)
    monkeypatch.setenv("GREENROOM_API_KEY", INFERENCE)


@pytest.mark.usefixtures("keyed")
def test_the_verbs_send_the_key_of_the_environment(buzz: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.wav", tmp_path / "second.wav"
    words = ["--transcript", "Hello there."]

    for done in (
        run("clone", buzz, "Good day.", "-o", first, *words),
        run("edit", first, "-t", "speed", "-i", "1.25", "-o", second, "--transcript", "Good day."),
        run("transcribe", second),
        run("status"),
        run("status", "--json"),
        run("load", "tts", GREENROOM_API_KEY=ADMIN),
        run("unload", "tts", "--api-key", ADMIN),
    ):
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("keyed")
def test_watching_sends_the_key_with_a_terminal_and_without() -> None:
    with on_terminal("status", "--watch") as terminal:
        terminal.wait_to_see("tokenizer")
        assert terminal.interrupt() == 130
    command = [GREENROOM, "status", "--watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert "tts" in json.loads(watching.stdout.readline())["models"]
        run("load", "tts", GREENROOM_API_KEY=ADMIN)
        run("unload", "tts", GREENROOM_API_KEY=ADMIN)
        while json.loads(watching.stdout.readline())["to"] != "cold":
            pass
        watching.terminate()


def test_without_its_key_a_verb_says_what_is_missing(url: str, tmp_path: Path) -> None:
    for verb in (["status"], ["status", "--watch"], ["load", "tts"]):
        done = run(*verb, "--url", url)
        assert (done.returncode, done.stdout) == (1, "")
        assert "GREENROOM_API_KEY" in done.stderr
        assert done.stderr.count("\n") == 1

    done = run("load", "tts", "--url", url, GREENROOM_API_KEY=INFERENCE)
    assert (done.returncode, done.stdout) == (1, "")
    assert "POST /residency/tts/load needs an API key with the scope admin" in done.stderr
    assert INFERENCE not in done.stderr


def test_both_clients_send_the_key_with_every_call(url: str) -> None:
    async def by_async() -> str:
        async with AsyncClient(url, INFERENCE) as client, client.events():
            with pytest.raises(Refused, match="scope admin"):
                await client.unload("tts")
            return (await client.touch("tts"))["residency"]

    with Client(url, ADMIN) as client, client.events() as events:
        assert client.unload("tts")["residency"] == "cold"
        assert client.residency()["models"]["tts"]["residency"] == "cold"
        assert asyncio.run(by_async()) == "hot"
        assert any(event["model"] == "tts" for event in events)
    with Client(url, "x" * 20) as stranger:
        with pytest.raises(Refused, match="not valid here"):
            stranger.residency()
        with pytest.raises(Refused), stranger.events():
            pass
    assert ADMIN not in repr(vars(client))

"""Client and command line against a real service: gateway, Triton, embedded engines."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import run
from real_service import real_service

from greenroom_client import AsyncClient, Client, InvalidInput, NotFound, Speech
from greenroom_client.residency import Event
from greenroom_speech.engines.embedded import flite
from greenroom_speech.engines.embedded.base_voice import Speaker
from greenroom_speech.engines.embedded.languages import language_of

pytestmark = pytest.mark.slow

WORDS = "It is easy to tell the depth of a well. Four hours of steady work faced us."
TEXT = "Glue the sheet to the dark blue background."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_service(tmp_path_factory.mktemp("service")) as address:
        yield address


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of WORDS: 48 kHz, stereo, flac."""
    speaker = Speaker()
    samples = np.concatenate(speaker.say(WORDS, speaker.voices(language_of(WORDS, "en"))[1]))
    speaker.close()
    path = tmp_path_factory.mktemp("reference") / "reference.flac"
    soundfile.write(path, np.repeat(np.stack([samples, samples], axis=1), 2, axis=0), 48000)
    return path


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as one:
        yield one


def check(speech: Speech) -> None:
    assert speech.sample_rate == 24000
    assert 1.0 < speech.seconds < 6.0
    assert 0.02 < np.abs(speech.samples).max() <= 1.0


def test_speech_comes_while_it_is_made(client: Client, reference: Path) -> None:
    pieces = list(client.clone_stream(reference, f"{TEXT} {TEXT}", language="en"))
    assert len(pieces) > 2
    assert 4.0 < sum(piece.seconds for piece in pieces) < 12.0
    assert "easy to tell" in pieces[0].transcript.lower()


def test_both_clients_clone_alike(client: Client, url: str, reference: Path) -> None:
    async def by_async() -> Speech:
        async with AsyncClient(url) as one:
            return await one.clone(reference, TEXT, WORDS, "en", seed=3)

    speech = client.clone(reference, TEXT, WORDS, "en", seed=3)

    check(speech)
    assert speech.transcript == WORDS
    assert asyncio.run(by_async()).seconds == pytest.approx(speech.seconds, rel=0.02)


@pytest.mark.skipif(not flite.available(), reason="only the voices of flite are understood")
def test_the_reference_is_transcribed(client: Client, reference: Path) -> None:
    samples, rate = soundfile.read(reference, dtype="int16")

    heard = client.transcribe((samples, rate), "en")

    spoken = set(WORDS.lower().replace(".", "").split())
    assert len(spoken & set(heard.text.split())) >= len(spoken) / 2
    assert heard.language == "en"


def test_speech_that_was_cloned_can_be_edited(
    client: Client, reference: Path, tmp_path: Path
) -> None:
    speech = client.clone(reference.read_bytes(), TEXT, WORDS)
    speech.save(tmp_path / "speech.wav")

    faster = client.edit(
        tmp_path / "speech.wav", ["denoise", "speed"], ["", "1.5"], transcript=TEXT
    )

    check(faster)
    assert faster.seconds == pytest.approx(speech.seconds / 1.5, rel=0.1)


def test_the_server_names_what_it_refuses(client: Client, reference: Path) -> None:
    with pytest.raises(InvalidInput, match="TASK is 'sing'"):
        client.clone(reference, TEXT, WORDS, task="sing")
    with pytest.raises(InvalidInput, match=r"AUDIO lasts 0\.1"):
        client.clone((np.ones(800, np.float32), 8000), TEXT, WORDS)
    with pytest.raises(InvalidInput, match="LANGUAGE is 'klingon'"):
        client.clone(reference, TEXT, WORDS, language="klingon")
    with pytest.raises(NotFound, match="nobody"):
        client.load("nobody")


def test_every_transition_is_an_event(client: Client) -> None:
    client.load("tts")

    with client.events() as events:
        assert client.unload("tts")["residency"] == "cold"
        assert client.load("tts")["residency"] == "hot"
        seen = [event for event in events_until(events, "load") if event["model"] == "tts"]

    unload, load = seen[-2], seen[-1]
    assert (unload["action"], unload["to"]) == ("unload", "cold")
    assert (load["action"], load["from"], load["to"]) == ("load", "cold", "hot")
    assert load["seconds"] > 0


def events_until(events: Iterator[Event], action: str) -> Iterator[Event]:
    for event in events:
        yield event
        if (event["model"], event["action"]) == ("tts", action):
            return


def test_the_command_tells_that_a_cold_model_loads(
    client: Client, url: str, reference: Path, tmp_path: Path
) -> None:
    client.unload("tts")

    out = tmp_path / "out.wav"
    options = ["-o", out, "--transcript", WORDS, "--url", url]
    done = run("clone", reference, TEXT, *options)

    assert done.returncode == 0, done.stderr
    assert "loading tts" in done.stderr.splitlines()
    assert done.stdout.startswith(f"{out}: ")
    assert soundfile.info(out).samplerate == 24000


def test_the_commands_move_a_model_and_show_it(url: str) -> None:
    assert run("load", "tts", GREENROOM_URL=url).stdout.startswith("tts is hot, took ")
    assert run("unload", "tts", GREENROOM_URL=url).stdout.startswith("tts is cold, took ")

    status = json.loads(run("status", "--json", GREENROOM_URL=url).stdout)
    assert status["models"]["tts"]["residency"] == "cold"
    table = run("status", GREENROOM_URL=url).stdout
    assert [line.split()[0] for line in table.splitlines()] == ["model", "asr", "tokenizer", "tts"]


def test_a_failure_of_the_command_is_one_sentence(
    url: str, reference: Path, tmp_path: Path
) -> None:
    options = ["-o", tmp_path / "out.wav", "-t", "sing", "-q", "--transcript", WORDS, "--url", url]
    done = run("clone", reference, TEXT, *options)

    assert done.returncode == 1
    assert "TASK is 'sing'" in done.stderr
    assert done.stderr.count("\n") == 1

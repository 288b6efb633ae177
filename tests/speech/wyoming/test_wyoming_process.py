"""The server as it is installed: a process of its own beside a real service."""

import asyncio
import os
import socket
import sys

import pytest
from own_ports import own_port
from wyoming.asr import Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from greenroom.settings import Settings
from greenroom.supervisor.component import plugin_processes
from greenroom_speech.settings import WyomingSettings
from greenroom_speech.word_errors import word_errors
from greenroom_speech.wyoming import announcement
from greenroom_speech.wyoming.process import process

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
WORDS = "The garden is full of flowers."


def test_it_is_off_and_for_this_machine_until_told(monkeypatch):
    (off,) = [one for one in plugin_processes(Settings()) if one.name == "wyoming"]
    assert (off.enabled, off.listeners[0].host, off.listeners[0].port) == (
        False,
        "127.0.0.1",
        10300,
    )
    monkeypatch.setenv("GREENROOM_WYOMING", "true")
    assert process(Settings()).enabled


async def test_it_is_announced_only_where_others_reach_it(monkeypatch):
    told = []

    class Announced:
        def __init__(self, port, name, host):
            told.append((port, name, host))
            self._aiozc = self

        async def register_server(self):
            told.append("registered")

        async def async_close(self):
            told.append("closed")

    monkeypatch.setattr(announcement, "HomeAssistantZeroconf", Announced)
    for host in ("127.0.0.1", "192.0.2.1"):
        async with announcement.announced(WyomingSettings(wyoming_host=host)):
            pass
    assert told == [(10300, "greenroom", "192.0.2.1"), "registered", "closed"]


async def test_what_it_says_it_hears(start):
    running = await start(**REAL)
    wyoming = WyomingSettings(wyoming_port=own_port(), wyoming_gateway=running.service.url)
    component = process(Settings(), wyoming)
    child = await asyncio.create_subprocess_exec(
        sys.executable, *component.arguments, env={**os.environ, **component.environment}
    )
    try:
        client = await connected(wyoming.wyoming_port)
        await client.write_event(Describe().event())
        voices = [one.name for one in Info.from_event(await client.read_event()).tts[0].voices]
        assert {"clara", "henry"} <= set(voices)
        await client.write_event(Synthesize(WORDS, SynthesizeVoice(name="henry")).event())
        sound = []
        while not AudioStop.is_type((event := await client.read_event()).type):
            sound.append(event)
        start_event = AudioStart.from_event(sound[0])
        assert sum(len(AudioChunk.from_event(one).audio) for one in sound[1:]) > start_event.rate
        for event in sound:
            await client.write_event(event)
        await client.write_event(AudioStop().event())
        while not Transcript.is_type((event := await client.read_event()).type):
            assert event.type != "error", event.data
        assert word_errors(WORDS, Transcript.from_event(event).text)[0] <= 2
        await client.disconnect()
    finally:
        child.terminate()
        assert await child.wait() == 0


async def connected(port):
    while True:
        client = AsyncTcpClient("127.0.0.1", port)
        try:
            await client.connect()
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return client


@pytest.mark.slow
async def test_a_port_that_is_taken_is_told():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        environment = {**os.environ, "GREENROOM_WYOMING_PORT": str(held.getsockname()[1])}
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "greenroom_speech.wyoming",
            env=environment,
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await child.communicate()
    assert child.returncode == 1
    assert b"GREENROOM_WYOMING_PORT" in told
    assert b"Traceback" not in told

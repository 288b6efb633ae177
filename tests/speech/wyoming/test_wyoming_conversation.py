"""Conversations by the protocol's own client: order, bounds, and clients that leave."""

import asyncio
import io
import wave

import httpx
import pytest
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from greenroom_speech.wyoming import conversation, frames, server


@pytest.fixture
async def client(port):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        yield client


async def events(client, last):
    """Return the events until one of a type, this one included."""
    found = []
    while not found or found[-1].type != last:
        event = await client.read_event()
        assert event is not None, [one.type for one in found]
        found.append(event)
    return found


async def test_it_tells_its_languages_and_voices(client):
    await client.write_event(Describe().event())
    info = Info.from_event(await client.read_event())
    assert info.asr[0].supports_transcript_streaming
    assert info.tts[0].supports_synthesize_streaming
    assert info.asr[0].models[0].languages == ["en"]
    voices = {one.name: one.languages for one in info.tts[0].voices}
    assert voices["clara"] == ["en"]
    assert {"en", "zh"} <= set(voices["mine"])
    await client.write_event(Ping(text="there?").event())
    assert (await client.read_event()).data == {"text": "there?"}


async def test_sound_becomes_words_as_they_are_heard(client, gateway):
    await client.write_event(Transcribe(language="en").event())
    await client.write_event(AudioStart(16_000, 2, 1).event())
    for _ in range(3):
        await client.write_event(AudioChunk(16_000, 2, 1, b"\5\0" * 800).event())
    await client.write_event(AudioStop().event())
    told = await events(client, "transcript-stop")
    assert [one.type for one in told] == [
        "transcript-start",
        "transcript-chunk",
        "transcript-chunk",
        "transcript",
        "transcript-stop",
    ]
    assert Transcript.from_event(told[3]).text == "Good evening."
    ((wav, language),) = gateway.wavs
    with wave.open(io.BytesIO(wav)) as sound:
        assert (sound.getframerate(), sound.getnframes(), language) == (16_000, 2400, "en")


async def test_a_text_is_said_as_it_is_made(client, gateway):
    asked = Synthesize("One. Two.", SynthesizeVoice(name="clara"))
    await client.write_event(asked.event())
    start, first = await client.read_event(), await client.read_event()
    assert AudioStart.from_event(start).rate == 24_000
    assert AudioChunk.from_event(first).audio == b"\1\0" * 10
    gateway.let.release()
    gateway.let.release()
    told = await events(client, "audio-stop")
    assert [one.type for one in told] == ["audio-chunk"] * 3 + ["audio-stop"]
    assert gateway.said_texts == [("One.", "clara"), ("Two.", "clara")]


async def test_a_text_is_said_while_it_is_written(client, gateway):
    await client.write_event(SynthesizeStart().event())
    for text in ("Good eve", "ning. And", " now"):
        await client.write_event(SynthesizeChunk(text).event())
    await gateway.begun.acquire()
    assert gateway.said_texts == [("Good evening.", None)]
    await client.write_event(Synthesize("Good evening. And now").event())
    await client.write_event(SynthesizeStop().event())
    gateway.let.release()
    gateway.let.release()
    told = await events(client, "synthesize-stopped")
    assert [one.type for one in told].count("audio-start") == 1
    assert told[-2].type == "audio-stop"
    assert gateway.said_texts == [("Good evening.", None), ("And now", None)]


async def test_a_client_that_leaves_or_asks_anew_cancels(port, gateway):
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Synthesize("One.").event())
        await gateway.begun.acquire()
        await client.write_event(Synthesize("Another.").event())
        await gateway.cancelled.wait()
        gateway.cancelled.clear()
        await gateway.begun.acquire()
    await gateway.cancelled.wait()


async def test_what_the_gateway_refuses_is_told_and_the_connection_goes_on(client):
    await client.write_event(Synthesize("fail").event())
    error = Error.from_event(await client.read_event())
    assert error.text == "voice 'x' does not exist."
    await client.write_event(Ping().event())
    assert (await client.read_event()).type == "pong"


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (b"nonsense\n", "The event is not a line of JSON."),
        (b"[1]\n", "The event is not a JSON object with a type."),
        (b"{}\n", "The event is not a JSON object with a type."),
        (b'{"type": 5}\n', "The event is not a JSON object with a type and data."),
        (b'{"type": "synthesize"}\n', "The event 'synthesize' lacks a required field."),
        (b'{"type": "a", "payload_length": 9999999999}\n', "An event brings 9999999999 bytes"),
        (b'{"type": "a", "data_length": "x"}\n', "The event is not a JSON object with a type."),
        (b" " * 70_000 + b"\n", "An event's line has more than 65536 bytes."),
    ],
)
async def test_what_is_no_event_ends_the_connection_with_a_sentence(client, sent, sentence):
    client._writer.write(sent)
    assert Error.from_event(await client.read_event()).text.startswith(sentence)
    assert await client.read_event() is None


async def test_sound_and_text_are_bounded(client, monkeypatch):
    monkeypatch.setattr(conversation, "MOST_SECONDS", 0.1)
    monkeypatch.setattr(conversation, "MOST_CHARACTERS", 30)
    for event, sentence in (
        (AudioStart(16_000, 3, 1), "audio-start says 16000 Hz, 3 bytes, 1 channels"),
        (AudioChunk(16_000, 2, 1, bytes(4000)), "The sound lasts more than 0.1 s"),
        (AudioChunk(0, 0, 0, b""), "audio-start says 0 Hz"),
    ):
        await client.write_event(event.event())
        assert Error.from_event(await client.read_event()).text.startswith(sentence)
    await client.write_event(SynthesizeStart().event())
    await client.write_event(SynthesizeChunk("no end " * 10).event())
    assert "More than 30 characters" in Error.from_event(await client.read_event()).text
    await client.write_event(Synthesize("no end " * 10).event())
    assert "at most 30 are allowed" in Error.from_event(await client.read_event()).text


async def test_the_sounds_of_all_clients_are_bounded_together(client, port, monkeypatch):
    monkeypatch.setattr(conversation, "MOST_BYTES", 5000)
    async with AsyncTcpClient("127.0.0.1", port) as other:
        await other.write_event(AudioChunk(16_000, 2, 1, bytes(4000)).event())
        await other.write_event(Ping().event())
        await other.read_event()
        await client.write_event(AudioChunk(16_000, 2, 1, bytes(4000)).event())
        assert "together" in Error.from_event(await client.read_event()).text
        await other.write_event(AudioChunk(16_000, 2, 1, bytes(900)).event())
        await other.write_event(Ping().event())
        assert (await other.read_event()).type == "pong"


async def test_connections_are_bounded_and_idle_ones_end(port, monkeypatch):
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(frames, "IDLE_SECONDS", 0.2)
    async with AsyncTcpClient("127.0.0.1", port) as one:
        await one.write_event(Ping().event())
        await one.read_event()
        async with AsyncTcpClient("127.0.0.1", port) as other:
            assert "the most that" in Error.from_event(await other.read_event()).text
        assert await one.read_event() is None


async def test_who_watches_it_asks_over_http(port):
    async with httpx.AsyncClient() as web:
        assert (await web.get(f"http://127.0.0.1:{port}/")).status_code == 200


async def test_unknown_events_are_left_out(client):
    await client.write_event(Event("run-pipeline", {"x": 1}))
    await client.write_event(Ping().event())
    assert (await asyncio.wait_for(client.read_event(), 60)).type == "pong"


async def test_between_events_that_have_come_others_have_their_turns():
    reader, turns = asyncio.StreamReader(), 0
    reader.feed_data(b'{"type":"x"}\n' * 100)

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for _ in range(100):
        await frames.FrameReader(reader).next()
    task.cancel()
    assert turns >= 99


async def test_who_waits_for_an_answer_need_not_say_anything(client, gateway, monkeypatch):
    monkeypatch.setattr(frames, "IDLE_SECONDS", 0.05)
    await client.write_event(Synthesize("One.").event())
    await gateway.begun.acquire()
    await asyncio.sleep(0.3)
    gateway.let.release()
    assert (await events(client, "audio-stop"))[0].type == "audio-start"
    assert await client.read_event() is None  # idle now, so it is closed


async def test_what_fails_unexpectedly_is_told(client, gateway, monkeypatch):
    def broken(*_):
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(gateway, "said", broken)
    await client.write_event(Synthesize("One.").event())
    told = Error.from_event((await events(client, "error"))[-1])
    assert "failed unexpectedly" in told.text


async def test_a_text_that_was_never_ended_swallows_nothing(client, gateway):
    await client.write_event(SynthesizeStart().event())
    await client.write_event(SynthesizeChunk("One").event())
    await client.write_event(AudioStart(16_000, 2, 1).event())
    await client.write_event(AudioChunk(16_000, 2, 1, b"\5\0" * 800).event())
    await client.write_event(AudioStop().event())
    await events(client, "transcript-stop")
    await client.write_event(Synthesize("Hello.").event())
    gateway.let.release()
    await events(client, "audio-stop")
    assert gateway.said_texts == [("Hello.", None)]


async def test_the_form_of_a_sound_is_told_in_whole_numbers(client):
    form = {"rate": 16_000, "width": 2.0, "channels": 1}
    await client.write_event(Event("audio-start", form))
    assert "2.0 bytes" in Error.from_event((await events(client, "error"))[-1]).text

"""Recordings of any length through the transcription route, to an asr that answers when it is let.

The files are read by the real codec process.
"""

import asyncio
import io
import json
import re

import httpx
import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from scripted_asr import Asr
from starlette.requests import ClientDisconnect

from greenroom.errors import InvalidInput
from greenroom_speech.api.listening import RecordingListener
from greenroom_speech.api.openai_errors import HANDLERS
from greenroom_speech.api.transcriptions import transcriptions_routes
from greenroom_speech.codec.decoder import Decoder
from greenroom_speech.codec.process import CodecProcess
from greenroom_speech.engines.engine_tags import tags_of
from greenroom_speech.settings import EngineSettings

RATE = 8000
PATH = "/v1/audio/transcriptions"
MOST = 200.0


@pytest.fixture
def asr():
    return Asr()


@pytest.fixture(scope="module")
def codec():
    codec = CodecProcess()
    yield codec
    codec.stop()


@pytest.fixture
async def client(asr, codec):
    listener = RecordingListener(asr, Decoder(codec, asr.held), EngineSettings(), MOST)
    app = FastAPI(exception_handlers=HANDLERS)
    app.include_router(transcriptions_routes(listener, lambda: asr.tags))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", timeout=60) as client:
        yield client
    assert asr.held.now == 0


def speech(seconds, pause_every=8):
    """Loud sound with half a second of near silence now and then."""
    samples = np.random.default_rng(0).normal(scale=0.1, size=int(seconds * RATE))
    for begin in range(pause_every, int(seconds), pause_every):
        samples[begin * RATE : begin * RATE + RATE // 2] *= 0.001
    return samples


def flac(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="FLAC")
    return file.getvalue()


def posted(client, content, **fields):
    return client.post(PATH, files={"file": ("a.flac", content)}, data=fields)


async def test_a_long_recording_is_heard_in_pieces_cut_at_pauses(client, asr):
    asr.let_all()
    content = flac(speech(100))
    answer = await posted(client, content, response_format="verbose_json", prompt="Before.")
    assert answer.status_code == 200, answer.text
    whole = soundfile.read(io.BytesIO(content), dtype="f4")[0]
    assert np.array_equal(np.concatenate(asr.heard), whole)
    borders = np.cumsum([len(piece) for piece in asr.heard])[:-1] / RATE
    assert len(asr.heard) == 4
    assert all(20 <= len(piece) / RATE <= 30 for piece in asr.heard[:-1])
    assert all(0 < border % 8 < 0.5 for border in borders)
    transcript = " ".join(f"Words {number}. More." for number in range(4))
    told = answer.json()
    begins = [0.0, *borders.tolist()]
    assert [(one["id"], one["text"]) for one in told["segments"][:3]] == [
        (0, "Words 0."),
        (1, "More."),
        (2, "Words 1."),
    ]
    starts = [one["start"] for one in told.pop("segments")]
    assert starts == pytest.approx([begin + k for begin in begins for k in (1, 3)], abs=0.001)
    assert told == {
        "text": transcript,
        "task": "transcribe",
        "language": "en",
        "duration": 100.0,
    }
    assert asr.told[0] == ["Before."]
    assert asr.told[2] == ["en", "Before. Words 0. More. Words 1. More."]
    window = 30 * RATE * 4
    assert asr.held.peak <= len(content) + 2 * window


@pytest.mark.parametrize(
    ("given", "has"),
    [
        ({}, {"segments"}),
        ({"timestamp_granularities[]": "word"}, {"words"}),
        ({"timestamp_granularities[]": ["word", "segment"]}, {"words", "segments"}),
        ({"timestamp_granularities": "segment"}, {"segments"}),
        ({"timestamp_granularities[]": "word, segment"}, {"words", "segments"}),
        ({"timestamp_granularities[]": ["word,segment", ""]}, {"words", "segments"}),
        ({"timestamp_granularities": '["word"]'}, {"words"}),
    ],
)
async def test_words_and_segments_as_asked_for(client, asr, given, has):
    asr.let_all()
    content = flac(speech(2))
    told = (await posted(client, content, response_format="verbose_json", **given)).json()
    assert {"words", "segments"} & told.keys() == has
    # SubtitleEdit asks for json, whole or streamed, and wants the times in it.
    plain = (await posted(client, content, **given)).json()
    assert plain.keys() == {"text", "usage"} | (has if given else set())
    streamed = (await posted(client, content, stream="true", **given)).text
    done = json.loads(streamed.rpartition("data: ")[2])
    assert done.keys() == plain.keys() | {"type"}
    words = {"word": "0.", "start": 1.5, "end": 2.5}
    assert "words" not in has or told["words"][1] == words
    wrong = await posted(client, content, **{"timestamp_granularities[]": ["word", "letter"]})
    assert wrong.json()["error"]["param"] == "timestamp_granularities.1"


async def test_subtitles_of_a_long_recording(client, asr):
    asr.let_all()
    answer = await posted(client, flac(speech(50)), response_format="srt")
    assert answer.headers["content-type"].startswith("text/plain")
    border = len(asr.heard[0]) / RATE
    starts = re.findall(r"00:00:(\d\d),(\d{3}) -->", answer.text)
    seconds = [int(whole) + int(part) / 1000 for whole, part in starts]
    assert seconds == pytest.approx([1, border + 1], abs=0.002)
    other = await posted(client, flac(speech(2)), response_format="vtt")
    assert other.headers["content-type"].startswith("text/vtt")
    assert other.text.startswith("WEBVTT\n\n00:00:01.000 --> 00:00:03.500\nWords 2. More.\n")
    silence = await posted(client, flac(np.zeros(RATE)), response_format="vtt")
    assert silence.text == "WEBVTT\n"
    asr.times = False
    refused = await posted(client, flac(speech(2)), response_format="srt")
    sentence = "response_format is 'srt'; the engine of asr gives no times."
    assert (refused.status_code, refused.json()["error"]["message"]) == (400, sentence)
    plain = await posted(client, flac(speech(2)), response_format="verbose_json")
    assert "segments" not in plain.json()


async def test_a_translation_is_another_task(client, asr):
    asr.let_all()
    files = {"file": ("a.flac", flac(speech(2)))}
    fields = {"response_format": "verbose_json", "prompt": "It is"}
    answer = await client.post("/v1/audio/translations", files=files, data=fields)
    assert answer.json()["task"] == "translate"
    await posted(client, flac(speech(2)))
    assert asr.tasks == ["translate", "transcribe"]
    asr.fails[2] = InvalidInput("ASR_TASK is 'translate'; the engine x cannot translate.")
    refused = await client.post("/v1/audio/translations", files=files)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("The task is 'translate'; the engine x")


async def test_a_clip_beside_a_long_recording_waits_for_one_piece(client, asr):
    long = asyncio.create_task(posted(client, flac(speech(150))))
    await asr.begun.acquire()
    clip = asyncio.create_task(posted(client, flac(speech(2))))
    while asr.leases < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    asr.let.release()
    asr.let.release()
    assert (await clip).json()["text"] == "Words 1. More."
    assert not long.done()
    asr.let_all()
    assert (await long).json()["usage"]["seconds"] == 150


async def test_words_come_as_they_are_heard(client, asr):
    sent = asyncio.Queue()
    request = client.build_request(
        "POST", PATH, files={"file": ("a.flac", flac(speech(50)))}, data={"stream": "true"}
    )
    body = [{"type": "http.request", "body": request.read()}]
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }

    async def receive():
        return body.pop() if body else await asyncio.Event().wait()

    answering = asyncio.create_task(client._transport.app(scope, receive, sent.put))

    async def event():
        lines = (await sent.get())["body"].decode().splitlines()
        return json.loads(lines[1].removeprefix("data: "))

    asr.let.release()
    head = await sent.get()
    assert (b"content-type", b"text/event-stream") in head["headers"]
    first = [await event(), await event()]
    assert [one["delta"] for one in first] == ["Words 0.", " More."]
    await asr.begun.acquire()
    await asr.begun.acquire()
    assert sent.empty()
    asr.let.release()
    deltas = [await event(), await event()]
    done = await event()
    await answering
    text = "".join(one["delta"] for one in (*first, *deltas))
    assert (done["type"], done["text"]) == ("transcript.text.done", text)
    assert text == "Words 0. More. Words 1. More."
    assert done["usage"] == {"type": "duration", "seconds": 50.0}
    assert not (await sent.get()).get("more_body")


async def test_times_come_as_they_are_heard(client, asr):
    asr.let_all()
    asked = {"stream": "true", "response_format": "verbose_json"}
    words = {"timestamp_granularities[]": ["word", "segment"]}
    answer = await posted(client, flac(speech(50)), **asked, **words)
    assert answer.headers["x-greenroom-audio-seconds"] == "50.000"
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    segments = [one for one in told if one["type"] == "transcript.text.segment"]
    border = round(len(asr.heard[0]) / RATE, 3)
    assert [(one["id"], one["text"]) for one in segments] == [
        (0, "Words 0."),
        (1, "More."),
        (2, "Words 1."),
        (3, "More."),
    ]
    assert segments[2]["start"] == pytest.approx(border + 1, abs=0.001)
    assert segments[0]["words"] == [
        {"word": "Words", "start": 1.0, "end": 1.5},
        {"word": "0.", "start": 1.5, "end": 2.5},
    ]
    assert told.index(segments[1]) < told.index(segments[2]) - 2
    plain = await posted(client, flac(speech(2)), **asked)
    assert '"words"' not in plain.text


async def test_a_client_that_leaves_costs_one_piece(client, asr):
    asr.fails[1] = ClientDisconnect()
    asr.let_all()
    assert (await posted(client, flac(speech(150)))).status_code == 499
    assert len(asr.heard) == 2


async def test_a_recording_that_fails_later_ends_a_stream_with_an_error(client, asr, caplog):
    asr.fails[1] = RuntimeError("secret")
    asr.let_all()
    answer = await posted(client, flac(speech(60)), stream="true")
    *_, last = filter(None, answer.text.split("\n\n"))
    assert (answer.status_code, last.splitlines()[0]) == (200, "event: error")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("samples", "status", "text"),
    [
        (np.zeros(2 * RATE), 200, ""),
        (np.full(70 * RATE, 5e-5), 200, ""),
        (speech(0.15), 200, "Words 0. More."),
        (speech(0.05), 400, "file lasts 0.050 s; it must last at least 0.1 s."),
        (np.zeros(400), 400, "file lasts 0.050 s; it must last at least 0.1 s."),
        (np.zeros(201 * RATE), 413, "file lasts 201.0 s; it may last at most 200 s."),
    ],
    ids=["silence", "long silence", "short", "too short", "too short silence", "too long"],
)
async def test_silence_and_lengths(client, asr, samples, status, text):
    asr.let_all()
    answer = await posted(client, flac(samples))
    assert answer.status_code == status
    told = answer.json()
    assert (told["text"] if status == 200 else told["error"]["message"]) == text
    assert all(len(piece) >= 0.3 * RATE for piece in asr.heard)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("en", "en"),
        ("English", "en"),
        ("en-US", "en"),
        ("zh_TW", "zh"),
        ("sw", "sw"),
        ("auto", None),
    ],
)
async def test_languages_by_code_name_and_region(client, asr, given, told):
    asr.let_all()
    await posted(client, flac(speech(1)), language=given)
    assert asr.told == [[told] if told else []]


async def test_an_empty_field_of_a_form_is_absent(client, asr):
    asr.let_all()
    names = ("stream", "response_format", "timestamp_granularities[]", "language", "prompt")
    answer = await posted(client, flac(speech(1)), **dict.fromkeys(names, ""))
    assert answer.json()["text"] == "Words 0. More."
    assert (asr.told, "x-greenroom-ignored" in answer.headers) == ([[]], False)


async def test_what_clients_send_beside_is_taken(client, asr):
    asr.let_all()
    fields = {
        "model": "whisper-1",
        "include[]": ["logprobs", "other"],
        "timestamp_granularities[]": ["word", "segment"],
        "chunking_strategy": "auto",
        "vad_filter": "true",
        "hotwords": "Greenroom",
        "prompt": "It is",
        "temperature": "0.2",
        "stream": "false",
        "language": "",
        "response_format": "text",
    }
    answer = await posted(client, flac(speech(1)), **fields)
    assert (answer.status_code, answer.text) == (200, "Words 0. More.\n")
    assert asr.told == [["Greenroom It is"]]
    ignored = "chunking_strategy, include, temperature, timestamp_granularities, vad_filter"
    assert answer.headers["x-greenroom-ignored"] == ignored
    asr.tags = tags_of("asr", "moonshine")
    moonshine = await posted(client, flac(speech(1)), prompt="It is", hotwords="Greenroom")
    assert moonshine.headers["x-greenroom-ignored"] == "hotwords, prompt"
    assert tags_of("asr", "whisper").prompted
    assert tags_of("asr", "faster-whisper").prompted
    twice = await posted(client, flac(speech(1)), language=["klingon", "en"], prompt=["a", "b"])
    assert twice.status_code == 200, twice.text

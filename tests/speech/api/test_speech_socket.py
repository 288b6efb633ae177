"""The messages of /v1/audio/speech/stream, with models that answer when a test lets them."""

import asyncio
import json
from contextlib import asynccontextmanager

import numpy as np
import pytest
import uvicorn
import websockets
from fastapi import FastAPI
from own_ports import own_port
from scripted_gateway import RATE, ScriptedGateway

from greenroom.errors import UnknownModel
from greenroom_speech.api import speech_stream
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.reading.aloud import ReadAloud

MOST_CHARACTERS = 60
CONFIG = {"type": "session.config", "voice": "clara"}
DONE = {"type": "input.done"}


class AnyReference:
    async def of(self, asked):
        if asked.voice == "nobody":
            raise UnknownModel("voice is 'nobody'; it must be one of clara.")
        return Recording(np.ones(10, np.float32), RATE), "words"


class Client:
    """What one connection sends, and the events and sound that it receives."""

    def __init__(self, socket, gateway):
        self.socket, self.gateway = socket, gateway

    async def send(self, *messages):
        for message in messages:
            await self.socket.send(json.dumps(message))

    async def say(self, text, *more):
        await self.send({"type": "input.text", "text": text}, *more)

    async def next(self):
        received = await self.socket.recv()
        return received if isinstance(received, bytes) else json.loads(received)

    async def until(self, kind):
        """Return what is received up to the first event of that type."""
        found = [await self.next()]
        while isinstance(found[-1], bytes) or found[-1]["type"] != kind:
            found.append(await self.next())
        return found

    async def closed(self):
        await self.socket.wait_closed()
        return self.socket.close_code


@pytest.fixture
async def connect(wait_for):
    """Return a connector to the routes of a new gateway."""
    gateway = ScriptedGateway()
    app = FastAPI()
    pipeline = Pipeline(gateway, 100)
    app.include_router(
        speech_stream.speech_stream_routes(
            gateway,
            pipeline,
            AnyReference(),
            ReadAloud(EngineTags, False),
            Formats(None),
            MOST_CHARACTERS,
        )
    )
    port = own_port()
    config = uvicorn.Config(app, port=port, ws="websockets-sansio", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())

    await wait_for(lambda: server.started)

    @asynccontextmanager
    async def connect(*first, **options):
        address = f"ws://127.0.0.1:{port}{speech_stream.PATH}"
        async with websockets.connect(address, proxy=None, **options) as socket:
            client = Client(socket, gateway)
            await client.send(*first)
            yield client

    yield connect
    server.should_exit = True
    await serving


async def test_an_utterance_is_said_sentence_by_sentence_while_it_is_written(connect):
    async with connect(CONFIG) as client:
        await client.gateway.touched.wait()
        await client.say("Good ")
        await client.say("evening. And")
        await client.gateway.begun.acquire()
        assert client.gateway.asked == ["Good evening."]
        client.gateway.let_all()
        first = await client.until("audio.done")
        await client.say(" now the news.", DONE)
        rest = await client.until("session.done")
    place = {"utterance_index": 0, "sentence_index": 0}
    start = {"sentence_text": "Good evening.", "format": "pcm", "sample_rate": RATE}
    assert first[0] == {"type": "audio.start", **place, **start}
    sound = b"".join(part for part in first if isinstance(part, bytes))
    assert len(sound) == 2 * len("Good evening.")
    done = {"total_bytes": len(sound), "error": False}
    assert first[-1] == {"type": "audio.done", **place, **done}
    assert rest[0]["sentence_text"] == "And now the news."
    assert rest[-1] == {"type": "session.done", "utterance_index": 0, "total_sentences": 2}


async def test_several_utterances_each_with_a_lease_and_none_while_no_text_is_there(connect):
    async with connect(CONFIG) as client:
        client.gateway.let_all()
        for number in range(2):
            assert client.gateway.leases == 0
            await client.say("Yes. No", DONE)
            done = (await client.until("session.done"))[-1]
            assert (done["utterance_index"], done["total_sentences"]) == (number, 2)
        await client.say("\U0001f44d", DONE)
        assert await client.until("session.done") == [
            {"type": "session.done", "utterance_index": 2, "total_sentences": 0}
        ]
        await client.send({**CONFIG, "stream_audio": False, "response_format": "wav"})
        await client.say("Two.", DONE)
        started, file, done, _ = await client.until("session.done")
        assert (started["format"], file[:4], done["total_bytes"]) == ("wav", b"RIFF", len(file))
        await client.send({"type": "session.close"})
        assert await client.closed() == 1000
    assert client.gateway.most_leases == 1


async def test_flush_says_half_a_sentence(connect):
    async with connect(CONFIG) as client:
        client.gateway.let_all()
        await client.say("Well,", {"type": "input.flush"})
        assert (await client.until("audio.done"))[0]["sentence_text"] == "Well,"


async def test_cancel_stops_the_work_and_the_next_utterance_begins(connect):
    async with connect(CONFIG) as client:
        await client.say("One. Two. Three.", DONE)
        await client.gateway.begun.acquire()
        await client.send({"type": "input.cancel"})
        done = await client.next()
        assert (done["type"], done["cancelled"]) == ("session.done", True)
        assert (client.gateway.leases, client.gateway.asked) == (0, ["One."])
        client.gateway.let_all()
        await client.say("Four.", DONE)
        assert (await client.until("session.done"))[0]["sentence_text"] == "Four."


async def test_who_leaves_stops_the_work(connect, wait_for):
    async with connect(CONFIG) as client:
        await client.say("One. Two.")
        await client.gateway.begun.acquire()
        assert client.gateway.leases == 1
    await wait_for(lambda: client.gateway.leases == 0)


async def test_an_error_ends_the_utterance_and_not_the_connection(connect):
    async with connect(CONFIG) as client:
        client.gateway.let_all()
        await client.say("Good. Fail. Never.", DONE)
        received = await client.until("session.done")
        kinds = [one["type"] for one in received if not isinstance(one, bytes)]
        assert kinds == ["audio.start", "audio.done", "error", "session.done"]
        assert received[-2]["message"] == received[-2]["error"]["message"] == "input fails."
        assert received[-1]["error"] is True
        await client.say("Good.", DONE)
        assert (await client.until("session.done"))[-1]["total_sentences"] == 1


async def test_what_is_left_out_is_told_with_the_next_sentence_or_the_end(connect):
    async with connect(CONFIG) as client:
        client.gateway.let_all()
        await client.say("Good. Unspeakable. Better. Unspeakable again.", DONE)
        received = await client.until("session.done")
    ends = [one for one in received if not isinstance(one, bytes) and "done" in one["type"]]
    said = [
        [warning.partition(" was left out")[0] for warning in end.get("warnings", ())]
        for end in ends
    ]
    assert said == [[], ["'Unspeakable.'"], ["'Unspeakable again.'"]]


async def test_fields_without_effect_are_told_once(connect):
    odd = {**CONFIG, "user": "me", "instructions": "Like a pirate."}
    async with connect(odd) as client:
        client.gateway.let_all()
        told = []
        for before in ([], [], [CONFIG], [odd]):
            await client.send(*before)
            await client.say("One. Two.", DONE)
            received = await client.until("session.done")
            starts = [one for one in received if isinstance(one, dict) and "start" in one["type"]]
            told += [[start.get("ignored") for start in starts]]
    names = ["instructions", "user"]
    assert told == [[names, None], [None, None], [None, None], [names, None]]


WRONG = [
    ([], {"type": "input.text", "text": "x"}, "before session.config"),
    ([], {**CONFIG, "voice": "nobody"}, "voice is 'nobody'"),
    ([], {**CONFIG, "speed": 9}, "speed is 9"),
    ([CONFIG], {"type": "input.text", "text": 5}, "text is 5; it must be a string"),
    ([CONFIG], {"type": "input.text"}, "text is missing; it must be a string"),
    ([CONFIG], {"type": "input.text", "text": None}, "text is null; it must be a string"),
    ([CONFIG], {"type": "input.song"}, 'type is "input.song"'),
    ([CONFIG], {"type": ["input.text"]}, 'type is ["input.text"]; it must be one of'),
    ([CONFIG], {}, "type is missing; it must be one of session.config"),
    ([CONFIG], ["no object"], "must be a JSON object"),
    ([CONFIG, {"type": "input.text", "text": "a"}], CONFIG, "in the middle of an utterance"),
    (
        [CONFIG, {"type": "input.text", "text": "a"}, DONE],
        {"type": "input.text", "text": "b"},
        "there is one at a time",
    ),
    (
        [CONFIG, {"type": "input.text", "text": "a" * 40}],
        {"type": "input.text", "text": "b" * 40},
        f"40 more would exceed max_text_chars ({MOST_CHARACTERS})",
    ),
]


FIELDS = ("speed", "text", "type", "voice")


@pytest.mark.parametrize(("before", "message", "sentence"), WRONG)
async def test_what_is_wrong_is_told_and_the_connection_goes_on(connect, before, message, sentence):
    async with connect(*before, message) as client:
        told = await client.next()
        assert told["type"] == "error"
        assert sentence in told["message"]
        first = sentence.partition(" ")[0]
        assert told["error"]["param"] == (first if first in FIELDS else None)
        client.gateway.let_all()
        await client.send({"type": "input.cancel"} if before else CONFIG)


@pytest.mark.parametrize(
    ("first", "bound", "sentence"),
    [
        ([], "CONFIG_SECONDS", "No session.config came for 0.2 s."),
        ([CONFIG], "IDLE_SECONDS", "No message came for 0.2 s."),
    ],
)
async def test_who_says_nothing_is_closed(connect, monkeypatch, first, bound, sentence):
    monkeypatch.setattr(speech_stream, bound, 0.2)
    async with connect(*first) as client:
        assert (await client.next())["message"] == sentence
        assert await client.closed() == 1008


async def test_nobody_is_idle_who_is_being_spoken_to(connect, monkeypatch):
    monkeypatch.setattr(speech_stream, "IDLE_SECONDS", 0.05)
    async with connect(CONFIG) as client:
        await client.say("One.", DONE)
        await asyncio.sleep(0.2)
        client.gateway.let_all()
        assert (await client.until("session.done"))[-1]["total_sentences"] == 1


async def test_the_subprotocol_of_openais_clients_is_taken(connect):
    offered = ["realtime", "openai-insecure-api-key.abc"]
    async with connect(subprotocols=offered) as client:
        assert client.socket.subprotocol == "realtime"

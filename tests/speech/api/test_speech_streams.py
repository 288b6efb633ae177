"""/v1/audio/speech as it is made, by a real service: bodies, events, and how they break off."""

import base64
import json
from urllib.parse import quote

import httpx
import openai
import pytest
import pytest_asyncio
import websockets
from own_ports import own_ports
from running import Running
from sound_files import seconds_of

from greenroom.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
MOST_SECONDS = 12
KEY = "a/key+that-no-token-carries="
WORDS = "Good evening. Welcome to the show, which begins in a moment."
TOO_MUCH = "This sentence is said again and again. " * 12
STORY = "This sentence is said again and again. " * 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(
        **own_ports(),
        runtime_dir=folder / "runtime",
        triton_exit_timeout=2,
        api_keys=f"admin:{KEY}",
    )
    environment = {
        "GREENROOM_VOICES_DIR": str(folder / "voices"),
        "GREENROOM_MAX_SPEECH_SECONDS_PER_REQUEST": str(MOST_SECONDS),
    }
    async with Running(settings, environment=environment) as running:
        running.web.headers["authorization"] = f"Bearer {KEY}"
        yield running


def asked(text=WORDS, **fields):
    return {"model": "tts-1", "voice": "clara", "input": text, "response_format": "pcm", **fields}


async def events(service, **fields):
    """Return the events that come, the last one too."""
    found, name = [], ""
    request = service.web.stream(
        "POST", "/v1/audio/speech", json=asked(stream_format="sse", **fields)
    )
    async with request as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                assert name == f"event: {found[-1]['type']}"
            name = line
    return found


async def test_what_says_nothing_is_a_short_silence(service):
    for text in ("...", "\U0001f44d", " \n", "[clara]", "[henry]\n[clara] \n"):
        answer = await service.web.post("/v1/audio/speech", json=asked(text))
        assert answer.status_code == 200
        assert answer.content == bytes(2 * 6000)


async def test_what_is_said_is_verified_by_the_services_own_asr(service):
    answer = await service.web.post("/v1/audio/speech", json=asked(verify=True))
    assert float(answer.headers["x-greenroom-word-error-rate"]) < 0.3
    *_, last = await events(service, verify=True)
    assert last["word_error_rate"] < 0.3


async def test_what_no_engine_can_say_is_left_out_of_what_is_said(service):
    *deltas, last = await events(service, text="Good evening.\n\n𓀀𓀁\n\nGood night.")
    assert len(deltas) > 1
    assert last["type"] == "speech.audio.done"
    assert "was left out: nothing in it can be spoken" in last["warnings"][0]
    alone = await service.web.post("/v1/audio/speech", json=asked("𓀀𓀁"))
    assert alone.status_code == 400


async def test_several_speakers_are_one_sound(service):
    lines = "[clara] Good evening.\n[henry] Good evening, Clara."
    answer = await service.web.post("/v1/audio/speech", json=asked(lines))
    segments = [
        {"voice": "clara", "text": "Good evening."},
        {"voice": "henry", "text": "Good evening, Clara."},
    ]
    fields = asked(segments=segments)
    del fields["input"]
    same = await service.web.post("/v1/audio/speech", json=fields)
    alone = await service.web.post("/v1/audio/speech", json=asked("Good evening."))
    assert answer.status_code == same.status_code == 200, answer.text
    assert answer.content == same.content
    assert len(answer.content) > len(alone.content) + 2 * 9600
    segments[0]["voice"] = "nobody"
    refused = await service.web.post("/v1/audio/speech", json=fields)
    assert refused.status_code == 404


async def test_several_draws_are_json_best_first(service):
    answer = await service.web.post("/v1/audio/speech", json=asked(n=2, response_format="wav"))
    found = answer.json()["draws"]
    assert len(found) == 2
    for draw in found:
        assert base64.b64decode(draw["audio"])[:4] == b"RIFF"
        assert (draw["format"], draw["seed"]) == ("wav", 0)
        assert draw["word_error_rate"] < 0.3 < draw["similarity"] <= 1
    for stream in ({"stream_format": "sse"}, {"stream": True}):
        refused = await service.web.post("/v1/audio/speech", json=asked(n=2, **stream))
        assert refused.status_code == 400
        assert "n is 2 and stream" in refused.json()["error"]["message"]


async def test_openai_python_streams_each_format(service):
    url = f"{service.service.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        for kind in ("wav", "mp3", "opus", "aac", "flac"):
            async with client.audio.speech.with_streaming_response.create(
                model="tts-1", voice="clara", input=WORDS, response_format=kind
            ) as answer:
                assert answer.headers["transfer-encoding"] == "chunked"
                assert "tts;dur=" in answer.headers["server-timing"]
                chunks = [chunk async for chunk in answer.iter_bytes()]
            assert len(chunks) > 2
            assert 2 < seconds_of(b"".join(chunks)) < 7


async def test_events_bring_the_same_sound_and_its_usage(service):
    whole = (await service.web.post("/v1/audio/speech", json=asked())).content
    *deltas, done = await events(service)
    assert {event["type"] for event in deltas} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == whole
    assert done["type"] == "speech.audio.done"
    assert done["usage"]["input_tokens"] == len(WORDS)


async def test_speech_that_becomes_too_long_breaks_off_visibly(service):
    heard = 0

    async def hear():
        nonlocal heard
        async with service.web.stream("POST", "/v1/audio/speech", json=asked(TOO_MUCH)) as answer:
            assert answer.status_code == 200
            async for chunk in answer.aiter_bytes():
                heard += len(chunk)

    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        await hear()
    assert MOST_SECONDS / 3 < heard / 2 / 24000 <= MOST_SECONDS
    *deltas, last = await events(service, input=TOO_MUCH)
    assert len(deltas) > 3
    assert last["type"] == "error"
    assert f"more than {MOST_SECONDS} s" in last["error"]["message"]


async def test_what_is_wrong_before_the_first_sound_is_an_answer_of_its_own(service):
    for more in ({}, {"stream_format": "sse"}):
        wrong = asked(language="klingon", **more)
        answer = await service.web.post("/v1/audio/speech", json=wrong)
        assert answer.status_code == 400
        assert "klingon" in answer.json()["error"]["message"]
        answer = await service.web.post("/v1/audio/speech", json=asked("a" * 601, **more))
        assert answer.status_code == 400
        assert "at most 600 can be said" in answer.json()["error"]["message"]


async def test_who_leaves_frees_the_models(service):
    async with service.web.stream("POST", "/v1/audio/speech", json=asked(STORY)) as answer:
        await anext(answer.aiter_bytes(100))
    await service.until("tts", leases=0, waiting=0)
    metrics = (await service.web.get("/metrics")).text
    assert 'model="speech",outcome="cancelled",protocol="openai"} 1.0' in metrics


def connected(service, **options):
    url = service.service.url.replace("http", "ws", 1)
    return websockets.connect(f"{url}/v1/audio/speech/stream", proxy=None, **options)


def by_header():
    return {"additional_headers": {"authorization": f"Bearer {KEY}"}}


def by_subprotocol():
    key = f"openai-insecure-api-key.{quote(KEY, safe='')}"
    return {"subprotocols": ["realtime", key]}


@pytest.mark.parametrize("key", [by_header, by_subprotocol])
async def test_a_websocket_speaks_to_who_has_a_key(service, key):
    async with connected(service, **key()) as socket:
        for message in (
            {"type": "session.config", "voice": "clara", "instructions": "Be kind."},
            {"type": "input.text", "text": WORDS},
            {"type": "input.done"},
        ):
            await socket.send(json.dumps(message))
        sound, said = 0, []
        async for received in socket:
            if isinstance(received, bytes):
                sound += len(received)
                continue
            event = json.loads(received)
            if event["type"] == "audio.start":
                said.append(event["sentence_text"])
            if event["type"] == "session.done":
                break
    assert " ".join(said) == WORDS
    assert 2 < sound / 2 / 24000 < 7


async def test_a_websocket_without_a_key_is_refused_with_a_sentence(service):
    with pytest.raises(websockets.InvalidStatus) as raised:
        await connected(service).__aenter__()
    response = raised.value.response
    assert response.status_code == 401
    assert "needs" in json.loads(response.body)["error"]["message"]


async def test_a_message_over_64_kb_ends_the_connection(service):
    async with connected(service, **by_header()) as socket:
        await socket.send("x" * (64 * 1024 + 1))
        await socket.wait_closed()
        assert socket.close_code == 1009


async def test_a_path_without_websockets_is_answered_as_if_nobody_asked_for_one(service):
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    answer = await service.web.get("/v1/voices", headers=upgrade)
    assert answer.status_code == 200

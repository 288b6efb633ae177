"""What other servers' clients send to /v1: taken, left out by name, or refused in their words."""

import json
import re
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from voices_app import VoicesApp

from greenroom.errors import InvalidInput, TritonError
from greenroom.settings import Settings
from greenroom_speech.api.catalogue import catalogue_routes
from greenroom_speech.api.instructions import edits_in
from greenroom_speech.api.openai_errors import InvalidField, told
from greenroom_speech.api.openapi import checked
from greenroom_speech.api.reference import aliases_of
from greenroom_speech.api.speech import speech_routes
from greenroom_speech.api.speech_request import SpeechRequest
from greenroom_speech.api.voice_facts import NoRecording
from greenroom_speech.api.voices_store import UnknownVoice
from greenroom_speech.engines.embedded.tags import TAGS
from greenroom_speech.settings import OPENAI_VOICES, SpeechSettings

SETTINGS = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
SILENT = TritonError("AUDIO is silent.", "INVALID_ARGUMENT")
ENVIRONMENT = {"GREENROOM_VOICE_ALIASES": "Nova=henry"}


@pytest.fixture
def client(serving):
    return serving.web


@pytest.mark.asyncio(loop_scope="module")
async def test_requests_as_real_programs_send_them(client):
    async def say(**fields):
        wanted = {"input": "Yes.", "response_format": "pcm"} | fields
        # ASCII only, so that half a surrogate pair can be sent.
        answer = await client.post("/v1/audio/speech", content=json.dumps(wanted))
        assert answer.status_code == 200, answer.text
        return answer

    plain = (await say(voice="clara", seed=1)).content
    curl = await client.post(
        "/v1/audio/speech",
        content=b"\xef\xbb\xbf"
        b'{"input": "Yes.", "response_format": "PCM", "voice": "clara", "seed": 1}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert curl.content == plain
    open_webui = await say(model="tts-1", voice="alloy", seed=1)
    assert open_webui.content == plain
    assert "x-greenroom-ignored" not in open_webui.headers
    no_voice = await say(seed=1, voice=None, speed=None, language=None)
    assert no_voice.content == plain
    kokoro = await say(
        model="kokoro",
        voice={"id": "clara"},
        seed=1,
        stream=True,
        lang_code="a",
        return_download_link=False,
        user="me",
        normalization_options={"normalize": True},
    )
    assert kokoro.content == plain
    ignored = kokoro.headers["x-greenroom-ignored"]
    assert ignored == "normalization_options, return_download_link, user"
    loud = await say(voice="clara", seed=1, volume_multiplier=0.5)
    halved = np.frombuffer(plain, "<i2") / 2
    assert np.abs(np.frombuffer(loud.content, "<i2") - halved).max() <= 1
    unknown = await say(voice="henry", seed=1, instructions="Speak like a pirate.")
    assert unknown.headers["x-greenroom-ignored"] == "instructions"
    assert unknown.content == (await say(voice="nova", seed=1)).content
    whispered = await say(voice="henry", seed=1, instructions="Keep whispering, please.")
    assert "x-greenroom-ignored" not in whispered.headers
    assert whispered.content != unknown.content
    emoji = await say(voice="clara", input="\U0001f600 \ud83d")
    assert set(emoji.content) == {0}
    assert emoji.headers["x-greenroom-unsaid"] == "%EF%BF%BD%F0%9F%98%80"
    thai = await say(voice="clara", seed=1, input="Good \u0e01\u0e02 morning.")
    assert thai.headers["x-greenroom-unsaid"] == "%E0%B8%81%E0%B8%82"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/", 200),
        ("HEAD", "/v1/models", 200),
        ("GET", "/v1/models/tts-1", 200),
        ("GET", "/v1/models/gpt-9", 404),
        ("GET", "/v1/models/openai/whisper", 404),
        ("GET", "/v1/audio/models", 200),
        ("GET", "/v1/readyz", 200),
        ("HEAD", "/v1/readyz", 200),
        ("GET", "/v1/audio/voices/", 200),
        ("HEAD", "/v1/audio/voices", 200),
    ],
)
async def test_lists_that_clients_ask_for(client, method, path, status):
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert bool(answer.content) is (method == "GET")
    if path == "/v1/audio/voices/":
        names = {voice["id"]: voice["language"] for voice in answer.json()["voices"]}
        assert {"clara", "henry", "lan", *OPENAI_VOICES, "nova"} <= names.keys()
        assert names["lan"] == "zh"
    if path == "/v1/audio/models":
        ids = [model["id"] for model in answer.json()["models"]]
        assert {"speech", "asr", "tts-1", "whisper-1"} <= set(ids)
        assert len(ids) == len(set(ids))


def test_the_document_has_what_a_voice_may_be_and_the_headers_of_answers():
    app = FastAPI()
    app.include_router(speech_routes(None, None, None, None, None))
    said = app.openapi()["paths"]["/v1/audio/speech"]["post"]
    body = said["requestBody"]["content"]["application/json"]["schema"]["properties"]
    kinds = [kind["type"] for kind in body["voice"]["anyOf"]]
    assert kinds == ["string", "object", "null"]
    headers = said["responses"]["200"]["headers"]
    assert {"x-request-id", "X-Greenroom-Ignored", "X-Greenroom-Seed"} <= headers.keys()
    assert said["responses"]["503"]["headers"].keys() == {"x-request-id", "Retry-After"}


async def test_each_voice_is_listed_with_a_language_that_it_can_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("GREENROOM_TTS_ENGINE", raising=False)
    facts = SimpleNamespace(parameters={"engine": "kokoro"})
    gateway = SimpleNamespace(facts=lambda model: facts, models=lambda: ["tts"])
    app = FastAPI()
    store = VoicesApp(tmp_path).store
    app.include_router(catalogue_routes(gateway, store, SpeechSettings(), 30))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://own") as web:
        listed = {one["id"]: one for one in (await web.get("/v1/audio/voices")).json()["voices"]}
    assert all(voice["language"] in voice["languages"] for voice in listed.values())
    assert listed["jf_alpha"].items() >= {"language": "en", "languages": ["en", "zh"]}.items()
    assert listed["zf_xiaobei"]["language"] == "zh"
    assert listed["hibari"]["languages"] == ["en"]
    assert {"de", "ja"} <= set(listed["lan"]["languages"])


@pytest.mark.asyncio(loop_scope="module")
async def test_refusals_are_in_the_words_of_the_caller(client):
    wrong = [
        ({"voice": "clarra"}, 404, "similar names are clara"),
        ({"voice": "nobody"}, 404, "it must be one of clara"),
        ({"speed": "quick"}, 400, 'speed is "quick"'),
        ({"input": None}, 400, "input is missing"),
        ({"language": "klingon"}, 400, "language is"),
        ({"task": "emotion", "task_info": "grumpy"}, 400, "task_info of 'emotion'"),
        ({"voice": {"name": "clara"}, "reference_audio": "!"}, 400, "reference_audio is"),
    ]
    for fields, status, words in wrong:
        answer = await client.post("/v1/audio/speech", json={"input": "Yes.", **fields})
        assert answer.status_code == status, answer.text
        message = answer.json()["error"]["message"]
        assert words in message
        assert not re.search(r"\b(None|TEXT|LANGUAGE|TASK|TASK_INFO|AUDIO)\b|b'", message)


@pytest.mark.parametrize(
    ("instructions", "edits"),
    [
        ("Speak in a cheerful and happy tone.", [("emotion", "happy")]),
        ("Whispering, sad", [("emotion", "sad"), ("style", "whisper")]),
        ("remove all", []),
        ("", []),
        ("unhappy pirates", []),
        ("Do not whisper. Be happy.", [("emotion", "happy")]),
        ("Don\u2019t whisper, but be happy!", [("emotion", "happy")]),
        ("Be happy, never sad", [("emotion", "happy")]),
        ("Speak without whispering or being sad", []),
        ("A happy 'whisper'", [("emotion", "happy"), ("style", "whisper")]),
    ],
)
def test_instructions_become_edits_where_the_engine_knows_the_words(instructions, edits):
    assert edits_in(instructions, TAGS) == edits
    asked = SpeechRequest.model_validate({"input": "Yes.", "instructions": instructions or None})
    assert asked.tasks(TAGS)["TASK"].tolist() == [b"clone", *(task.encode() for task, _ in edits)]
    assert ("instructions" in asked.left_out(TAGS)) is (bool(instructions) and not edits)


def test_aliases_of_voices_can_be_set(monkeypatch):
    monkeypatch.setenv("GREENROOM_VOICE_ALIASES", "Alloy=henry, narrator = lan")
    aliases = aliases_of(SpeechSettings())
    assert (aliases["alloy"], aliases["narrator"], aliases["nova"]) == ("henry", "lan", "clara")
    monkeypatch.setenv("GREENROOM_VOICE_ALIASES", "alloy")
    with pytest.raises(ValueError, match="'alloy' is not a pair; write NAME=VOICE"):
        SpeechSettings()


@pytest.mark.parametrize(
    ("error", "path", "sentence", "param"),
    [
        (InvalidInput("LANGUAGE is 'xx'."), "/v1/audio/speech", "language is 'xx'.", "language"),
        (InvalidInput("TEXT is 'a'."), "/v1/audio/edits", "text is 'a'.", "text"),
        (UnknownVoice("voice is 'x'."), "/v1/audio/speech", "voice is 'x'.", "voice"),
        (UnknownVoice("voice is 'x'."), "/v1/voices/x", "voice is 'x'.", None),
        (InvalidInput("file is damaged."), "/v1/audio/transcriptions", "file is damaged.", "file"),
        (SILENT, "/v1/audio/edits", "The recording is silent.", "file"),
        (SILENT, "/v1/voices", "The recording is silent.", "file"),
        (NoRecording("x", "gone"), "/v1/voices", "The recording of voice 'x' is lost: gone.", None),
        (InvalidInput("The text."), "/v1/audio/speech", "The text.", None),
    ],
)
def test_an_error_names_the_field_that_it_begins_with(error, path, sentence, param):
    assert told(error, path)[1:] == (sentence, param)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InvalidField('input is "TEXT"', "input"), 'input is "TEXT"'),
        (UnknownVoice("voice is 'TEXT'."), "voice is 'TEXT'."),
        (InvalidInput('TEXT is "it\'s TEXT".'), 'input is "it\'s TEXT".'),
        (
            InvalidInput(r"""TEXT is 'a "b" \'TEXT'; or TEXT"""),
            r"""input is 'a "b" \'TEXT'; or input""",
        ),
        (InvalidInput("The model's TEXT is cut: 'TEXT"), "The model's input is cut: 'TEXT"),
    ],
)
def test_what_a_caller_wrote_is_not_taken_for_a_tensor(error, sentence):
    assert told(error)[1] == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reference_audio": "?"}, 'reference_audio is "?": it must be base64.'),
        ({"reference_audio": 5}, "reference_audio is 5: it must be base64."),
        ({"segments": []}, "segments is []: it must have at least 1 item."),
        ({"segments": [5]}, "segments.0 is 5: it must be an object."),
        (
            {"segments": [{"voice": "a", "text": "b"}], "input": "c"},
            "input or segments can be given",
        ),
        ({"input": ""}, 'input is "": it must have at least 1 character.'),
        ({"input": 5}, "input is 5: it must be a string."),
        ({"speed": "quick"}, 'speed is "quick": it must be a number.'),
        ({"speed": 9}, "speed is 9: it must be less than or equal to 4."),
        ({"n": 1.5}, "n is 1.5: it must be a whole number."),
        ({"seed": "9" * 5000}, "it has too many digits."),
        ({"verify": "perhaps"}, 'verify is "perhaps": it must be true or false.'),
        ({"response_format": "amr"}, "response_format is \"amr\": it must be 'mp3', "),
    ],
)
def test_a_wrong_field_is_told_in_plain_words(fields, sentence):
    given = {"input": "Yes."} if "segments" not in fields else {}
    with pytest.raises(InvalidField) as raised:
        checked(SpeechRequest, given | fields)
    assert sentence in str(raised.value)
    assert not re.search("[Vv]alid|Value|Input", str(raised.value))


@pytest.mark.parametrize(
    ("given", "language"), [("a", "en"), ("z", "zh"), ("en-US", "en-US"), ("Auto", None)]
)
def test_a_lang_code_is_the_language_and_its_error_names_it(given, language):
    asked = SpeechRequest.model_validate({"input": "Yes.", "lang_code": given})
    asked.tasks(TAGS)
    assert asked.language == language
    unknown = SpeechRequest.model_validate({"input": "Yes.", "lang_code": "xx"})
    with pytest.raises(InvalidField, match="lang_code is 'xx'; the engine speaks en, zh"):
        unknown.tasks(TAGS)

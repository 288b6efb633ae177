"""The official openai package against a real service: only its base URL is set."""

import asyncio

import numpy as np
import openai
import pytest
import pytest_asyncio
import soundfile
from sound_files import seconds_of, sound_of

from greenroom.settings import Settings
from greenroom_speech.voices import voice
from greenroom_speech.word_errors import word_errors

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

SETTINGS = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
WORDS = "Good evening, and welcome to the show."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(serving):
    url = f"{serving.service.url}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


async def test_speech_in_every_format_whole_and_in_chunks(client, serving):
    answers = {}
    for kind in ("wav", "mp3", "opus", "aac", "flac", "pcm"):
        answer = await client.audio.speech.create(
            model="tts-1", voice="clara", input=WORDS, response_format=kind
        )
        answers[kind] = answer.content
    seconds = len(answers.pop("pcm")) / 2 / 24000
    assert 1.5 < seconds < 5
    for content in answers.values():
        assert seconds_of(content) == pytest.approx(seconds, abs=0.1)
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="clara", input=WORDS, response_format="wav", speed=2.0
    ) as answer:
        chunks = [chunk async for chunk in answer.iter_bytes(4096)]
    assert len(chunks) > 5
    assert seconds_of(b"".join(chunks)) == pytest.approx(seconds / 2, abs=0.1)


async def test_what_is_said_is_heard(client):
    answer = await client.audio.speech.create(
        model="tts-1", voice="henry", input="The garden is full of flowers.", response_format="wav"
    )
    heard = await client.audio.transcriptions.create(
        model="whisper-1", file=("speech.wav", answer.content)
    )
    assert word_errors("the garden is full of flowers", heard.text)[0] <= 2


async def test_transcription_in_every_format(client):
    spoken = voice("henry")
    recording = ("henry.flac", spoken.path.read_bytes())
    create = client.audio.transcriptions.create
    plain = await create(model="whisper-1", file=recording, prompt="A story.", language="en-US")
    verbose = await create(
        model="whisper-1",
        file=recording,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert " ".join(one.word for one in verbose.words) == plain.text
    assert " ".join(one.text for one in verbose.segments) == plain.text
    assert 0 < verbose.words[-1].end <= verbose.duration
    srt = await create(model="whisper-1", file=recording, response_format="srt")
    assert srt.startswith("1\n00:00:0")
    with pytest.raises(openai.BadRequestError, match="the engine embedded cannot translate"):
        await client.audio.translations.create(model="whisper-1", file=recording)
    text = await create(model="whisper-1", file=recording, response_format="text")
    assert word_errors(spoken.transcript, plain.text)[0] <= 4
    *deltas, done = [
        event async for event in await create(model="whisper-1", file=recording, stream=True)
    ]
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert (done.type, done.text) == ("transcript.text.done", plain.text)
    assert "".join(event.delta for event in deltas) == plain.text
    assert plain.text == verbose.text == text.strip()
    with pytest.raises(openai.BadRequestError, match="recognises English only") as refused:
        await create(model="whisper-1", file=recording, language="klingon")
    assert "AUDIO_LANGUAGE" not in refused.value.message
    assert verbose.language == "en"
    assert float(verbose.duration) == pytest.approx(soundfile.info(spoken.path).duration, abs=0.01)


async def test_models_say_where_their_weights_are(client, serving):
    await serving.act("asr", "load")
    await serving.act("tts", "unload")
    found = {model.id: model.residency for model in (await client.models.list()).data}
    assert found["tts"] == "cold"
    assert found["speech"]["asr"] == "hot"
    assert (await client.models.retrieve("asr")).residency == "hot"
    with pytest.raises(openai.NotFoundError, match="nothing"):
        await client.models.retrieve("nothing")


WRONG = [
    ({"voice": "nobody"}, "voice is 'nobody'; it must be one of clara"),
    ({"speed": 9}, "speed is 9: it must be less than or equal to 4"),
    ({"input": ""}, 'input is ""'),
    ({"response_format": "amr"}, 'response_format is "amr"'),
    ({"extra_body": {"task": "emotion", "task_info": "grumpy"}}, "task_info of 'emotion'"),
    ({"extra_body": {"n_edits": 0}}, "n_edits is 0"),
    ({"extra_body": {"reference_audio": "AAAA"}}, "not both"),
    ({"extra_body": {"language": "klingon"}}, "'klingon'"),
    ({"extra_body": {"seed": 2**63}}, "seed is"),
]


async def test_wrong_requests_are_bad_requests_with_a_sentence(client):
    for given, sentence in WRONG:
        with pytest.raises(openai.APIStatusError) as raised:
            await client.audio.speech.create(
                **{"model": "tts-1", "voice": "clara", "input": WORDS, **given}
            )
        assert raised.value.status_code in (400, 404)
        assert sentence in raised.value.body["message"]


async def test_cold_warm_and_hot_starts_are_told(client, serving):
    async def headers():
        create = client.audio.speech.with_raw_response.create
        answer = await create(model="tts-1", voice="clara", input="Yes.")
        return answer.headers

    await serving.act("tts", "unload")
    await serving.act("tokenizer", "load")
    cold = await headers()
    assert cold["x-greenroom-start"] == "cold"
    assert float(cold["x-greenroom-wait-seconds"]) > 0.5
    assert "tts;dur=" in cold["server-timing"]
    hot = await headers()
    assert hot["x-greenroom-start"] == "hot"
    assert float(hot["x-greenroom-wait-seconds"]) < 0.1
    await serving.act("tts", "offload")
    assert (await headers())["x-greenroom-start"] == "warm"


@pytest.mark.asyncio(loop_scope="function")
async def test_past_max_wait_the_refusal_says_the_state_and_when_to_come_back(start, tmp_path):
    policy = {"tts": {"max_wait": 0.2}, "asr": {"max_wait": 0.2}, "tokenizer": {"max_wait": 0.2}}
    policy = {name: {"pinned": name != "tts", **given} for name, given in policy.items()}
    service = await start(
        **SETTINGS,
        environment={"GREENROOM_VOICES_DIR": str(tmp_path)},
        policy={**policy, "speech": {"max_wait": 0.2}},
    )
    answer = await service.web.post("/v1/audio/speech", json={"input": "Yes.", "voice": "clara"})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    message = answer.json()["error"]["message"]
    assert "is not ready after 0.2 s" in message
    assert "tts is loading" in message


async def test_edits_of_a_recording_and_of_the_edit(serving):
    recording = voice("henry").path.read_bytes()

    async def edit(content, **fields):
        answer = await serving.web.post(
            "/v1/audio/edits", files={"file": ("x.wav", content)}, data=fields
        )
        assert answer.status_code == 200, answer.text
        return answer.content

    faster = await edit(recording, task="speed", task_info="1.25")
    twice = await edit(faster, task="speed", task_info="1.25", transcript="whatever")
    both = await edit(recording, task="speed", task_info="1.25", n_edits="2")
    before = seconds_of(recording)
    assert seconds_of(faster) == pytest.approx(before / 1.25, rel=0.03)
    assert seconds_of(twice) == pytest.approx(before / 1.25**2, rel=0.05)
    assert seconds_of(both) == pytest.approx(before / 1.25**2, rel=0.05)


async def test_a_saved_voice_speaks_at_once_and_outlives_the_controller(client, serving):
    recording = voice("henry").path.read_bytes()
    fields = {"name": "Uncle Henry", "consent": "I am Henry; clone me."}
    answer = await serving.web.post(
        "/v1/voices", files={"file": ("h.flac", recording)}, data=fields
    )
    assert answer.status_code == 201, answer.text
    assert word_errors(voice("henry").transcript, answer.json()["transcript"])[0] <= 4
    await serving.web.patch("/v1/voices/Uncle Henry", json={"transcript": "My brother came home."})
    speak = client.audio.speech.create
    own = await speak(model="tts-1", voice="Uncle Henry", input="Yes.", response_format="wav")
    bundled = await speak(model="tts-1", voice="henry", input="Yes.", response_format="wav")
    assert own.content[:4] == bundled.content[:4] == b"RIFF"
    preview = await serving.web.get("/v1/voices/Uncle Henry/preview")
    assert preview.status_code == 200
    assert 2 < seconds_of(preview.content) < 8
    [controller] = serving.service.programs
    await controller.kill()
    await serving.logged("runs again")
    listed = (await serving.web.get("/v1/voices")).json()["data"]
    kept = {one["name"]: one["transcript"] for one in listed}
    assert kept["Uncle Henry"] == "My brother came home."
    assert (await serving.web.delete("/v1/voices/Uncle Henry")).json()["deleted"] is True
    assert (await serving.web.get("/v1/voices/Uncle Henry")).status_code == 404


async def test_many_at_once(client):
    async def said(number):
        answer = await client.audio.speech.create(
            model="tts-1", voice="clara", input=f"Number {number}.", response_format="wav"
        )
        return sound_of(answer.content)[0]

    waves = await asyncio.gather(*(said(number % 3) for number in range(9)))
    for number in range(3):
        assert all(np.array_equal(wave, waves[number]) for wave in waves[number::3])

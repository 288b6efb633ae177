"""The whole product on the neural engines, whose weights lie in packages."""

import httpx
import pytest
from speech_requests import over_grpc
from test_speech import SETTINGS, clone_of

from greenroom.errors import SetupError
from greenroom.managed.engine_choice import lacking
from greenroom_speech.word_errors import word_errors

pytestmark = [
    pytest.mark.skipif(bool(lacking("tts", "kokoro")), reason="extra neural is not installed"),
    pytest.mark.timeout(600),
]
NEURAL = {"GREENROOM_ENGINES": "neural"}
SENTENCE = "We will all meet at the old station."


async def test_what_is_cloned_can_be_read_and_is_the_same_after_an_offload(start):
    running = await start(**SETTINGS, environment=NEURAL)
    given = clone_of("clara", SENTENCE)
    first = (await running.grpc.infer("speech", over_grpc(**given))).as_numpy("WAVEFORM")
    heard = await running.grpc.infer("asr", over_grpc(AUDIO=first, SAMPLE_RATE=24000))
    transcript = heard.as_numpy("TRANSCRIPT")[0, 0].decode()
    assert word_errors(SENTENCE, transcript)[0] == 0
    assert transcript.endswith(".")
    hot = await running.residency("tts")
    assert hot["device_bytes"] > 2**26
    warm = (await running.act("tts", "offload")).json()
    assert (warm["residency"], warm["device_bytes"], warm["pid"]) == ("warm", 0, hot["pid"])
    again = (await running.grpc.infer("speech", over_grpc(**given))).as_numpy("WAVEFORM")
    assert (again == first).all()
    own = await running.grpc.infer("tts", over_grpc(TEXT="Good evening.", VOICE="hibari"))
    assert own.as_numpy("WAVEFORM").size > 12_000
    async with httpx.AsyncClient(base_url=running.service.url, timeout=300) as web:
        for body in ({"voice": "hibari"}, {"voice": "clara", "language": "de"}):
            asked = {"input": "Guten Abend.", "response_format": "wav", **body}
            answer = await web.post("/v1/audio/speech", json=asked)
            assert answer.status_code == 200, answer.text
            assert answer.headers.get("x-greenroom-engine") == {"de": "embedded"}.get(
                body.get("language")
            )
        listed = {
            voice["id"]: voice for voice in (await web.get("/v1/audio/voices")).json()["voices"]
        }
    assert listed["bm_lewis"].items() >= {"language": "en", "gender": "male"}.items()


async def test_engines_that_do_not_fit_together_are_refused_at_the_start(start):
    with pytest.raises(SetupError, match=r"ERROR The engine of tts is 'kokoro' and .* together\.$"):
        await start(**SETTINGS, environment={"GREENROOM_TTS_ENGINE": "kokoro"})

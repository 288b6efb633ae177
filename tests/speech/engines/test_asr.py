import numpy as np
import pytest
from engine_requests import audio, reference, text

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.asr import EmbeddedAsr
from greenroom_speech.voices import voice, voices
from greenroom_speech.word_errors import word_errors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["embedded", "moonshine"])
def asr(settings, request):
    """Return each recogniser of English whose model is inside its package."""
    if request.param == "embedded":
        return EmbeddedAsr(settings)
    pytest.importorskip("moonshine_voice", reason="extra neural is not installed")
    from greenroom_speech.engines.moonshine.engine import MoonshineAsr

    return MoonshineAsr(settings)


@pytest.mark.parametrize("name", [one.name for one in voices() if one.language == "en"])
def test_it_reads_the_bundled_english_voices(asr, name):
    heard = asr.answer(audio(reference(name)))
    wrong, said = word_errors(voice(name).transcript, heard["TRANSCRIPT"][0])
    assert wrong / said <= 0.15
    assert heard["AUDIO_LANGUAGE"][0] == "en"


def test_moonshine_writes_case_and_punctuation(asr):
    heard = asr.answer(audio(reference("henry")))["TRANSCRIPT"][0]
    assert (heard != heard.lower() and heard[-1] in ".,") == (asr.name == "moonshine")


def test_a_given_transcript_is_handed_through(asr):
    given = {"TRANSCRIPT": text("随便"), "AUDIO_LANGUAGE": text("zh")}
    before = asr.cache.misses
    answer = asr.answer({**audio(reference("lan")), **given})
    assert answer["TRANSCRIPT"][0] == "随便"
    assert answer["AUDIO_LANGUAGE"][0] == "zh"
    assert asr.cache.misses == before


def test_another_language_needs_the_transcript(asr):
    with pytest.raises(InvalidInput, match=r"^AUDIO_LANGUAGE is 'zh'.*give the TRANSCRIPT"):
        asr.answer({**audio(reference("lan")), "AUDIO_LANGUAGE": text("zh")})


def test_the_same_audio_is_heard_once(asr):
    samples = reference("henry")[:36_000]
    first = asr.answer(audio(samples))
    hits = asr.cache.hits
    assert asr.answer(audio(samples)) == first
    assert asr.cache.hits == hits + 1


def test_a_wrong_recording_is_refused_even_with_its_transcript(asr):
    with pytest.raises(InvalidInput, match=r"^AUDIO is silent"):
        asr.answer({**audio(np.zeros(24_000)), "TRANSCRIPT": text("hello")})

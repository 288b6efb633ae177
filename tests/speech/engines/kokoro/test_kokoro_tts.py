"""What the engine kokoro says, and what it learns of a speaker."""

import numpy as np
import psutil
import pytest
from engine_requests import audio, reference, text

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.engines.kokoro import english
from greenroom_speech.engines.kokoro.network import RATE
from greenroom_speech.engines.kokoro.speaker_features import embedded_features
from greenroom_speech.engines.moonshine.engine import MoonshineAsr
from greenroom_speech.word_errors import word_errors

SENTENCE = "We will all meet at the old station."

pytestmark = pytest.mark.slow


def own(voice, words=SENTENCE, **others):
    return {"TEXT": text(words), "VOICE": text(voice), **others}


@pytest.fixture(scope="module")
def ears(settings):
    return MoonshineAsr(settings)


@pytest.fixture(scope="module")
def prompts(kokoro_tokenizer):
    return {
        name: {**kokoro_tokenizer.answer(audio(reference(name))), "TRANSCRIPT": text("")}
        for name in ("clara", "henry")
    }


def errors(ears, samples):
    wrong, said = word_errors(SENTENCE, ears.hear(samples, RATE, timed=False).text)
    return wrong / said


def steps(engine, request):
    """Return the answer and how many steps it took."""
    row, count, pieces = engine.begin(request, whole=False), 0, []
    while not row.done or row.ready:
        if row.ready:
            pieces.append(row.take(whole=False).tensors["WAVEFORM"])
        else:
            engine.step([row])
            count += 1
    if row.error:
        raise row.error
    return np.concatenate(pieces), count


@pytest.mark.parametrize("voice", ["hibari", "af_heart(2)+bm_george"])
def test_its_own_voices_are_understood_and_need_no_reference(kokoro, ears, voice):
    answer = kokoro.answer(own(voice))
    assert answer["WAVEFORM_RATE"] == RATE
    assert errors(ears, answer["WAVEFORM"]) == 0
    assert active_rms(answer["WAVEFORM"]) == pytest.approx(0.08, rel=0.1)


def test_the_speed_is_the_networks_own(kokoro):
    faster = {"TASK": text("clone", "speed"), "TASK_INFO": text("", "1.5")}
    plain, fast = (kokoro.answer(own("hibari", **more))["WAVEFORM"] for more in ({}, faster))
    assert plain.size / fast.size == pytest.approx(1.5, rel=0.1)


def test_a_clone_is_nearer_to_its_speaker_and_learnt_once(kokoro, kokoro_tokenizer, ears, prompts):
    request = {**prompts["henry"], "TEXT": text(SENTENCE)}
    first, learning = steps(kokoro, request)
    again, known = steps(kokoro, request)
    assert known < learning
    assert np.array_equal(first, again)
    assert errors(ears, first) == 0
    heard = kokoro_tokenizer.answer(audio(first))
    speakers = {name: one["SPEAKER_EMBEDDING"] for name, one in prompts.items()}
    alike = {name: heard["SPEAKER_EMBEDDING"][124:] @ one[124:] for name, one in speakers.items()}
    assert alike["henry"] > alike["clara"] + 0.2
    assert active_rms(first) == pytest.approx(speakers["henry"][2], rel=0.1)
    pitches = [one["SPEECH_FEATURES"][:, 0] for one in (heard, prompts["henry"])]
    ours, theirs = (np.median(pitch[pitch > 0]) for pitch in pitches)
    assert ours / theirs == pytest.approx(1, abs=0.2)


def test_mandarin_is_said_and_other_languages_by_the_embedded_engine(kokoro, prompts, settings):
    assert kokoro.answer(own("zf_xiaoyi", "你好。"))["WAVEFORM"].size > RATE / 4
    request = {**prompts["clara"], "TEXT": text("Guten Abend."), "LANGUAGE": text("de")}
    embedded = EmbeddedTts(settings)
    said = embedded.answer(embedded_features(request))["WAVEFORM"]
    embedded.close()
    assert np.array_equal(kokoro.answer(request)["WAVEFORM"], said)


def test_an_offload_gives_the_memory_back_and_a_restore_the_same_voice(kokoro):
    said = kokoro.answer(own("af_sky", "Yes."))["WAVEFORM"]
    hot = psutil.Process().memory_info().rss
    kokoro.offload()
    assert kokoro.memory().device_bytes == 0
    assert hot - psutil.Process().memory_info().rss > 2**26
    kokoro.restore()
    assert kokoro.memory().device_bytes > 2**26
    assert np.array_equal(kokoro.answer(own("af_sky", "Yes."))["WAVEFORM"], said)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (own("hibari", "你好"), "TEXT is in 'zh'; VOICE 'hibari' speaks en, so nothing"),
        (own("af_sky", "Hallo", LANGUAGE=text("de")), "TEXT is in 'de'; VOICE 'af_sky' speaks en"),
        (own("af_sky", "..."), r"TEXT is '\.\.\.'; nothing in it can be spoken in 'en'"),
        (own("af_sky", TASK=text("vad")), "VOICE is given but TASK begins with 'vad'"),
    ],
)
def test_what_a_voice_cannot_do_is_refused(kokoro, request_, reason):
    with pytest.raises(InvalidInput, match=reason):
        kokoro.answer(request_)


@pytest.mark.parametrize(("said", "warning"), [("我喜欢㐂字。", "'㐂' was left out"), ("你好", "")])
def test_what_has_no_sound_is_told_with_the_first_piece(kokoro, said, warning):
    answer = kokoro.answer(own("af_sky", said))
    assert answer["WAVEFORM"].size
    assert warning in str(answer["WARNING"].reshape(-1)[0])


@pytest.mark.parametrize("figure", ["cm⁻¹ 5⁻⁹", "⑴ x ⁽⁹⁾"])
def test_figures_that_the_reader_of_english_stops_at_do_no_harm(figure):
    assert "w" in english.phonemes(f"One {figure} more")


def test_features_of_another_tokenizer_are_refused(kokoro, prompts):
    with pytest.raises(InvalidInput, match=r"^SPEAKER_EMBEDDING has shape \(124,\)"):
        kokoro.answer({**embedded_features(prompts["clara"]), "TEXT": text(SENTENCE)})


def test_an_edit_of_a_recording_is_the_embedded_engines(kokoro, tts):
    request = {**audio(reference("clara")[:36_000]), "TASK": text("vad")}
    assert np.array_equal(kokoro.answer(request)["WAVEFORM"], tts.answer(request)["WAVEFORM"])

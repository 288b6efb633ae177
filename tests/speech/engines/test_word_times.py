"""When words were said, against speech whose words have known times."""

import numpy as np
import pytest
from engine_requests import audio, reference, text
from timed_speech import SENTENCES, by_flite, by_kokoro, start_errors

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Request
from greenroom_speech.engines.times import (
    SEGMENTS,
    WORDS,
    Timed,
    from_sound,
    ordered,
    segments,
    spread,
)

MEAN_ERROR = 0.08
"""Seconds: a word's start, on average."""


def asking(samples, rate=24_000, *, outputs=WORDS, **more):
    request = Request({**audio(samples, rate), **more})
    request.outputs = frozenset(outputs)
    return request


def timed(answer):
    return list(zip(answer["WORD_TEXTS"], *answer["WORD_TIMES"].T.tolist(), strict=True))


@pytest.fixture(scope="module", params=["embedded", "moonshine"])
def asr(settings, request):
    if request.param == "embedded":
        from greenroom_speech.engines.embedded.asr import EmbeddedAsr

        return EmbeddedAsr(settings)
    pytest.importorskip("moonshine_voice", reason="extra neural is not installed")
    from greenroom_speech.engines.moonshine.engine import MoonshineAsr

    return MoonshineAsr(settings)


@pytest.mark.slow
def test_words_begin_when_they_are_said(asr):
    for samples, known in (by_flite(SENTENCES[0]), by_flite(SENTENCES[2], "slt")):
        answer = asr.answer(asking(samples, 16_000))
        words = timed(answer)
        assert " ".join(answer["WORD_TEXTS"]) == answer["TRANSCRIPT"][0]
        errors = start_errors(known, words)
        assert len(errors) > 0.8 * len(known)
        assert np.mean(errors) < MEAN_ERROR
        times = answer["WORD_TIMES"]
        assert (times[:, 0] <= times[:, 1]).all()
        assert (times[:-1, 1] <= times[1:, 0]).all()
        assert times[-1, 1] <= len(samples) / 16_000 + 1e-3


@pytest.mark.slow
def test_times_are_made_for_who_names_them(asr):
    samples = reference("henry")
    plain = asr.answer(asking(samples, outputs=["TRANSCRIPT"]))
    both = asr.answer(asking(samples, outputs=[*SEGMENTS]))
    assert plain.keys() == {"TRANSCRIPT", "AUDIO_LANGUAGE"} == asr.answer(audio(samples)).keys()
    assert both["TRANSCRIPT"] == plain["TRANSCRIPT"]
    assert " ".join(both["SEGMENT_TEXTS"]) == both["TRANSCRIPT"][0]
    assert both["SEGMENT_TIMES"].shape == (len(both["SEGMENT_TEXTS"]), 2)
    assert both["SEGMENT_TIMES"][0, 0] == both["WORD_TIMES"][0, 0]
    silent = asr.answer(asking(np.full(16_000, 0.001), outputs=[*WORDS]))
    assert silent["WORD_TIMES"].shape == (len(silent["TRANSCRIPT"][0].split()), 2)


@pytest.mark.slow
def test_who_cannot_translate_says_so(asr):
    with pytest.raises(InvalidInput, match=f"the engine {asr.name} cannot translate"):
        asr.answer({**audio(reference("henry")), "ASR_TASK": text("translate")})
    with pytest.raises(InvalidInput, match=r"^ASR_TASK is 'sing'; it must be transcribe or"):
        asr.answer({**audio(reference("henry")), "ASR_TASK": text("sing")})


@pytest.mark.slow
def test_words_that_no_dictionary_has_are_found_by_how_they_sound():
    pytest.importorskip("moonshine_voice", reason="extra neural is not installed")
    from greenroom_speech.engines.moonshine.alignment import Aligner

    said = "We bought 23 Kubernetes servers from Greenroom in well known places."
    samples, known = by_kokoro(said.replace("23", "twenty-three"))
    samples = np.interp(np.arange(0, len(samples), 1.5), np.arange(len(samples)), samples)
    written = said.replace("well known", "well-known").replace("from", "— from")
    words = Aligner().align(samples.astype(np.float32), written, 0.3, len(samples) / 16_000)
    assert [word.text for word in words] == [f" {word}" for word in written.split()]
    begin = {word.text.strip(): word.start for word in words}
    for word, start in known:
        word = {"twenty-three": "23", "well": "well-known"}.get(word, word)
        if word != "known":
            assert begin[word] == pytest.approx(start, abs=0.15)
    assert begin["servers"] < begin["—"] <= begin["from"]
    unheard = Aligner().align(np.zeros(32_000, np.float32), "Not a word of it.", 0.5, 1.5)
    assert [unheard[0].start, unheard[-1].end] == [0.5, 1.5]


def spoken(*given):
    """Words of 0.3 s; a number is a pause before the next one."""
    at, words = 0.0, []
    for one in given:
        if isinstance(one, float):
            at += one
        else:
            words.append(Timed(f" {one}", at, at + 0.3))
            at += 0.3
    return words


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ((), []),
        (("Good", "day.", "And", "you?"), ["Good day.", "And you?"]),
        (("Dr.", "Watson", "is", "in."), ["Dr. Watson is in."]),
        (("no", "marks", 0.8, "at", "all", 0.5, "here"), ["no marks", "at all here"]),
        (("One.", 2.0, "Two."), ["One.", "Two."]),
    ],
)
def test_segments_are_sentences_cut_at_long_pauses(words, texts):
    made = list(segments(spoken(*words)))
    assert [one.text.strip() for one in made] == texts
    assert all(one.start < one.end for one in made)


def test_segments_of_chinese_have_no_spaces():
    words = [Timed(one, k * 0.2, k * 0.2 + 0.2) for k, one in enumerate("你好。再见。")]
    assert [one.text for one in segments(words)] == ["你好。", "再见。"]


def test_words_are_brought_into_order_and_share_what_time_there_is():
    wrong = [Timed("a", -1, 0.5), Timed("b", 0.4, 0.3), Timed("c", 0.7, 9.0), Timed("d", 8.0, 9.0)]
    assert [(one.start, one.end) for one in ordered(wrong, 2.0)] == [
        (0.0, 0.5),
        (0.5, 0.5),
        (0.7, 2.0),
        (2.0, 2.0),
    ]
    shares = [round(one.end - one.start, 3) for one in spread([" a", " bcd"], 1.0, 1.6)]
    assert shares == [0.2, 0.4]


@pytest.mark.parametrize(
    ("start", "end", "begins"),
    [(0.0, 1.5, 1.0), (0.2, 1.1, 1.0), (1.2, 1.5, 1.2), (0.2, 0.8, 0.2), (2.5, 9.0, 2.5)],
    ids=["after silence", "into sound", "within sound", "in silence", "after the end"],
)
def test_a_word_begins_where_the_sound_does(start, end, begins):
    samples = np.concatenate([np.full(16_000, 1e-3), np.full(16_000, 0.3)]).astype(np.float32)
    [word] = from_sound([Timed(" word", start, end)], samples, 16_000)
    assert (word.text, word.start, word.end) == (" word", begins, end)
    assert from_sound([word], samples[:0], 16_000) == [word]

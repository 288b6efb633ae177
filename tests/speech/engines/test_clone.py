"""The bars of the embedded clone: like its reference in pitch and level, and understood."""

import numpy as np
import pytest
from engine_requests import decibels, mean_pitch, reference, text

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded import flite
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.embedded.tts import EmbeddedTts
from greenroom_speech.settings import EngineSettings
from greenroom_speech.word_errors import word_errors

pytestmark = pytest.mark.slow

SENTENCES = (
    "The weather is very nice this morning.",
    "I would like to drink a cup of coffee.",
    "She walked slowly along the river with her dog.",
    "We will meet again at the station tomorrow.",
    "The children are playing in the garden behind the house.",
    "Please open the window and let some fresh air in.",
    "He wrote a long letter to his old friend.",
    "My brother works in a large hospital in the city.",
    "They bought a new car and drove to the mountains.",
    "It is getting late and we should go home now.",
)


def say(tts, prompt, words: str, **more) -> np.ndarray:
    answer = tts.answer({**prompt, "TEXT": text(words), **more})
    assert answer["WAVEFORM_RATE"].tolist() == [24_000]
    assert answer["WAVEFORM"].dtype == np.float32
    return answer["WAVEFORM"]


@pytest.mark.skipif(not flite.available(), reason="libflite1 is not installed")
@pytest.mark.parametrize(
    ("name", "count"),
    [("clara", 3), ("henry", 3), pytest.param("clara", 10, marks=pytest.mark.long)],
)
def test_english_is_understood_and_like_its_reference(tts, asr, prompt, name, count):
    given, samples = prompt(name), reference(name)
    spoken = [say(tts, given, sentence) for sentence in SENTENCES[:count]]
    errors = [
        word_errors(sentence, asr.hear(wave, 24_000, timed=False).text)
        for sentence, wave in zip(SENTENCES[:count], spoken, strict=True)
    ]
    assert sum(wrong for wrong, _ in errors) / sum(said for _, said in errors) <= 0.25
    assert max(np.abs(wave).max() for wave in spoken) < 1
    for wave in spoken:
        assert abs(decibels(active_rms(wave) / active_rms(samples))) < 2
    together = np.concatenate(spoken)
    assert mean_pitch(together) == pytest.approx(mean_pitch(samples), rel=0.05)


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("今天天气很好，我们去公园。", (1.2, 6)),
        ("안녕하세요 만나서 반갑습니다", (1.0, 5)),
    ],
)
def test_other_languages_are_spoken_like_the_reference(tts, prompt, words, seconds):
    wave = say(tts, prompt("henry"), words)
    low, high = seconds
    assert low < wave.size / 24_000 < high
    assert np.abs(wave).max() < 1
    assert mean_pitch(wave) == pytest.approx(mean_pitch(reference("henry")), rel=0.07)


def test_the_same_request_gives_the_same_samples_with_a_new_engine(tts, prompt, settings):
    given = prompt("henry")
    other = EmbeddedTts(settings)
    try:
        for words in ("Good morning.", "早上好"):
            seed = np.array([7])
            first, second = (say(one, given, words, SEED=seed) for one in (tts, other))
            assert np.array_equal(first, second)
    finally:
        other.close()


def test_a_second_clone_of_a_voice_reuses_its_fit(tts, prompt):
    given = prompt("clara")
    say(tts, given, "One.")
    hits, misses = tts.cache.hits, tts.cache.misses
    say(tts, given, "Two.")
    assert (tts.cache.hits, tts.cache.misses) == (hits + 1, misses)


def test_a_quiet_and_a_loud_reference_keep_their_level(tts, tokenizer):
    for gain in (0.02, 3.0):
        samples = (reference("henry") * gain).astype(np.float32)
        given = tokenizer.answer({"AUDIO": samples, "SAMPLE_RATE": np.array([24_000])})
        wave = say(tts, {**given, "TRANSCRIPT": text("")}, "Good morning to you all.")
        assert abs(decibels(active_rms(wave) / active_rms(samples))) < 2
        assert np.abs(wave).max() < 1


def test_a_telephone_recording_can_be_cloned(tts, tokenizer, asr):
    narrow = reference("henry")[::3].copy()
    given = tokenizer.answer({"AUDIO": narrow, "SAMPLE_RATE": np.array([8_000])})
    wave = say(tts, {**given, "TRANSCRIPT": text("")}, SENTENCES[0])
    assert np.isfinite(wave).all()
    assert mean_pitch(wave) == pytest.approx(mean_pitch(reference("henry")), rel=0.1)


@pytest.mark.parametrize("words", ["?!", "...", "\x01"])
def test_text_without_words_is_refused(tts, prompt, words):
    with pytest.raises(InvalidInput, match=r"^TEXT is .* nothing in it can be spoken in 'en'"):
        say(tts, prompt("henry"), words)


def test_text_that_takes_too_long_to_say_is_refused(prompt, settings):
    short = EmbeddedTts(settings.model_copy(update={"max_speech_seconds": 1.0}))
    try:
        with pytest.raises(InvalidInput, match=r"^TEXT takes .* at most 1 s"):
            say(short, prompt("henry"), SENTENCES[4])
    finally:
        short.close()


def test_a_reference_without_voice_is_refused(tts, tokenizer):
    noise = np.random.default_rng(0).normal(scale=0.05, size=24_000).astype(np.float32)
    given = tokenizer.answer({"AUDIO": noise, "SAMPLE_RATE": np.array([24_000])})
    given["PROMPT_TOKENS"] = np.minimum(given["PROMPT_TOKENS"], 1)
    with pytest.raises(InvalidInput, match=r"^AUDIO has 0.00 s of voiced speech"):
        say(tts, {**given, "TRANSCRIPT": text("")}, "Hello.")


def test_one_wrong_request_leaves_the_rest_of_its_batch_alone(tts, prompt):
    given = prompt("henry")
    good, bad = {**given, "TEXT": text("Hello.")}, {**given, "TEXT": text("")}
    answers = tts.run([good, bad, good])
    assert isinstance(answers[1], InvalidInput)
    assert np.array_equal(answers[0]["WAVEFORM"], answers[2]["WAVEFORM"])


def test_without_flite_espeak_speaks_english(prompt, tmp_path, monkeypatch):
    monkeypatch.setattr(flite, "available", lambda: False)
    engine = EmbeddedTts(EngineSettings(cache_dir=tmp_path))
    try:
        wave = say(engine, prompt("henry"), SENTENCES[0])
    finally:
        engine.close()
    assert 1 < wave.size / 24_000 < 5

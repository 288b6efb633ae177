import numpy as np
import pytest
from engine_requests import audio, reference

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.tokenizer import profile
from greenroom_speech.engines.embedded.voice_profile import VOICED, profile_of

HENRY = reference("henry")[:48_000]


def buzz(pitch: float, level: float) -> np.ndarray:
    """Return 1.5 s of harmonics between half a second of silence on both sides."""
    time = np.arange(36_000) / 24_000
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
    wave = wave / np.sqrt(np.mean(wave**2)) * level
    return np.pad(wave, 12_000).astype(np.float32)


def test_pitch_level_and_silence_are_measured():
    found = profile(buzz(140.0, 0.1), 24_000)
    assert np.exp(found.log_f0_mean) == pytest.approx(140, rel=0.01)
    assert found.rms == pytest.approx(0.1, rel=0.05)
    assert np.count_nonzero(found.kinds == VOICED) / 200 == pytest.approx(1.5, abs=0.1)


def test_the_tensors_carry_the_whole_profile(tokenizer):
    answer = tokenizer.answer(audio(HENRY))
    frames = answer["PROMPT_TOKENS"].size
    assert answer["PROMPT_TOKENS"].dtype == np.int32
    assert answer["SPEECH_FEATURES"].shape == (frames, 61)
    assert answer["SPEAKER_EMBEDDING"].shape == (124,)
    whole, back = profile(HENRY, 24_000), profile_of(answer)
    assert back.log_f0_mean == pytest.approx(whole.log_f0_mean, rel=1e-5)
    assert np.allclose(back.codes, whole.codes, rtol=1e-4, atol=1e-4)
    assert np.array_equal(back.kinds, whole.kinds)


def test_the_same_audio_is_analysed_once(tokenizer):
    samples = buzz(120.0, 0.1)
    first = tokenizer.answer(audio(samples))
    hits = tokenizer.cache.hits
    assert tokenizer.answer(audio(samples)) is first
    assert tokenizer.cache.hits == hits + 1


def test_the_rate_is_part_of_what_was_asked(tokenizer):
    samples = buzz(200.0, 0.1)
    low = tokenizer.answer(audio(samples, 12_000))
    high = tokenizer.answer(audio(samples, 24_000))
    assert np.exp(low["SPEAKER_EMBEDDING"][0]) == pytest.approx(100, rel=0.02)
    assert np.exp(high["SPEAKER_EMBEDDING"][0]) == pytest.approx(200, rel=0.02)


def test_noise_has_a_profile_so_that_it_can_be_edited(tokenizer):
    noise = np.random.default_rng(0).normal(scale=0.05, size=24_000)
    assert np.isfinite(tokenizer.answer(audio(noise))["SPEAKER_EMBEDDING"]).all()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("SPEECH_FEATURES", np.zeros((3, 80), np.float32)),
        ("SPEAKER_EMBEDDING", np.zeros(192, np.float32)),
        ("SPEAKER_EMBEDDING", np.full(124, np.nan, np.float32)),
    ],
)
def test_tensors_of_another_tokenizer_are_refused(tokenizer, name, array):
    answer = tokenizer.answer(audio(HENRY))
    with pytest.raises(InvalidInput, match=name):
        profile_of({**answer, name: array})

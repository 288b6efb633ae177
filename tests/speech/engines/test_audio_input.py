import numpy as np
import pytest

from greenroom.errors import InvalidInput
from greenroom_speech.engines.audio_input import recording
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.settings import EngineSettings

SETTINGS = EngineSettings(min_audio_seconds=0.3, max_audio_seconds=2.0)


def noise(seconds: float, rate: int = 16_000) -> np.ndarray:
    return np.random.default_rng(1).normal(scale=0.1, size=round(seconds * rate)).astype("f4")


def request(samples: np.ndarray, rate: int) -> dict[str, np.ndarray]:
    return {"AUDIO": samples, "SAMPLE_RATE": np.array([rate], dtype=np.int32)}


def with_value(value: float) -> np.ndarray:
    samples = noise(1)
    samples[7] = value
    return samples


@pytest.mark.parametrize(
    ("samples", "rate", "sentence"),
    [
        (noise(1), 0, "SAMPLE_RATE is 0 Hz; it must be 8000 to 192000 Hz."),
        (noise(1), 7999, "SAMPLE_RATE is 7999 Hz"),
        (noise(1), 192_001, "SAMPLE_RATE is 192001 Hz"),
        (noise(1), -16_000, "SAMPLE_RATE is -16000 Hz"),
        (noise(0), 16_000, "AUDIO is empty"),
        (noise(0.05), 16_000, "AUDIO lasts 0.050 s; it must last at least 0.3 s."),
        (noise(2.1), 16_000, "AUDIO lasts 2.1 s; it must last at most 2 s."),
        (with_value(np.nan), 16_000, "AUDIO sample 7 is nan"),
        (with_value(np.inf), 16_000, "AUDIO sample 7 is inf"),
        (noise(1) * 0, 16_000, "AUDIO is silent"),
        (noise(1) * 32_768, 16_000, "AUDIO has a peak of"),
        (noise(1).reshape(2, -1), 16_000, "AUDIO has shape (2, 8000)"),
    ],
)
def test_what_is_wrong_is_named(samples, rate, sentence):
    with pytest.raises(InvalidInput, match="^" + sentence.replace("(", r"\(").replace(")", r"\)")):
        recording(request(samples, rate), SETTINGS)


def test_two_rates_are_refused():
    both = {"AUDIO": noise(1), "SAMPLE_RATE": np.array([16_000, 8_000], dtype=np.int32)}
    with pytest.raises(InvalidInput, match="SAMPLE_RATE has 2 values"):
        recording(both, SETTINGS)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 192_000])
def test_any_rate_keeps_the_duration(rate):
    samples, given = recording(request(noise(1, rate), rate), SETTINGS)
    assert resampled(samples, given, 24_000).size == pytest.approx(24_000, abs=2)

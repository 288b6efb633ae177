"""Recordings at 16 kHz to listen to."""

from functools import cache

import numpy as np
import soundfile

from greenroom_speech.engines.resampling import resampled
from greenroom_speech.voices import voice, voices

NAMES = [one.name for one in voices()]


@cache
def speech(name: str) -> np.ndarray:
    samples, rate = soundfile.read(voice(name).path, dtype="float32")
    return resampled(samples, rate, 16_000)


def noise(seconds: float) -> np.ndarray:
    drawn = np.random.default_rng(0).normal(scale=0.1, size=int(seconds * 16_000))
    return drawn.astype(np.float32)


def long_speech(seconds: float) -> np.ndarray:
    all_voices = np.concatenate([speech(name) for name in NAMES])
    return np.resize(all_voices, int(seconds * 16_000))

"""Requests as an engine gets them, and what is measured of its answers."""

import numpy as np
import soundfile

from greenroom.managed.engine import Tensors
from greenroom_speech.engines.embedded.tokenizer import profile
from greenroom_speech.voices import voice


def text(*words: str) -> np.ndarray:
    return np.array(words, dtype=np.object_)


def audio(samples: np.ndarray, rate: int = 24_000) -> Tensors:
    return {
        "AUDIO": samples.astype(np.float32),
        "SAMPLE_RATE": np.array([rate], dtype=np.int32),
    }


def reference(name: str) -> np.ndarray:
    samples, rate = soundfile.read(voice(name).path, dtype="float32")
    assert rate == 24_000
    return samples


def edit(tts, samples: np.ndarray, task: str, info: str = "") -> np.ndarray:
    return tts.answer({**audio(samples), "TASK": text(task), "TASK_INFO": text(info)})["WAVEFORM"]


def mean_pitch(samples: np.ndarray) -> float:
    f0 = profile(samples.astype(np.float32), 24_000).f0
    return float(f0[f0 > 0].mean())


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))

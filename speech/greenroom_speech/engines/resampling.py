"""Samples at the rate that an engine works at."""

import numpy as np
import soxr

from greenroom_speech.engines.audio_input import Samples


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """Float32, by soxr's high quality; rates in Hz."""
    if rate == wanted:
        return samples
    moved: Samples = soxr.resample(samples, rate, wanted).astype(np.float32)
    return moved

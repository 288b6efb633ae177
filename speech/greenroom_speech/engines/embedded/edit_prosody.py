"""Changing pitch, pace and brightness of a recording while its words stay."""

from dataclasses import dataclass

import numpy as np

from greenroom_speech.engines.embedded import world
from greenroom_speech.engines.embedded.world import BINS, Analysis, Floats


@dataclass(frozen=True)
class Prosody:
    """Factors on what is there; 1 (and 0 for the tilt) leaves it."""

    pitch: float = 1.0
    """On the mean F0."""
    liveliness: float = 1.0
    """On the deviation of ln F0 from its mean."""
    pace: float = 1.0
    """On the speed."""
    tilt_db: float = 0.0
    """Added at 8 kHz, growing from none at 500 Hz with the logarithm of the frequency."""


def with_prosody(samples: Floats, prosody: Prosody) -> Floats:
    """24 kHz speech with another prosody, 1/pace as long."""
    frames = world.analyse(samples)
    tilted = frames.envelope * _tilt(prosody.tilt_db)
    moved = Analysis(_pitched(frames.f0, prosody), tilted, frames.aperiodicity)
    return world.synthesise(_paced(moved, prosody.pace))


def _pitched(f0: Floats, prosody: Prosody) -> Floats:
    voiced = f0 > 0
    if not voiced.any():
        return f0
    log_f0 = np.log(np.where(voiced, f0, 1.0))
    mean = float(np.mean(log_f0[voiced]))
    moved = np.exp((log_f0 - mean) * prosody.liveliness + mean) * prosody.pitch
    return np.where(voiced, moved, 0.0)


def _paced(frames: Analysis, pace: float) -> Analysis:
    """Read the frames at another pace. Between voiced and unvoiced nothing is interpolated."""
    count = len(frames.f0)
    places = np.clip(np.arange(round(count / pace)) * pace, 0, count - 1)
    low = places.astype(np.intp)
    high = np.minimum(low + 1, count - 1)
    part = places - low
    both = (frames.f0[low] > 0) & (frames.f0[high] > 0)
    blended = frames.f0[low] * (1 - part) + frames.f0[high] * part
    nearest = frames.f0[np.where(part < 0.5, low, high)]
    rows = part[:, np.newaxis]
    log_power = np.log(frames.envelope)
    return Analysis(
        f0=np.where(both, blended, nearest),
        envelope=np.exp(log_power[low] * (1 - rows) + log_power[high] * rows),
        aperiodicity=frames.aperiodicity[low] * (1 - rows) + frames.aperiodicity[high] * rows,
    )


def _tilt(decibels: float) -> Floats:
    hertz = np.linspace(0, world.RATE / 2, BINS)
    rise = np.clip(np.log2(np.maximum(hertz, 1.0) / 500) / 4, 0, 1)
    gain: Floats = 10 ** (decibels * rise / 10)
    return gain

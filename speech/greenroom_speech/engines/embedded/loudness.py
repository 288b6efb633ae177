"""How loud speech is, and bringing it there without clipping."""

import numpy as np
import numpy.typing as npt

from greenroom_speech.engines.embedded.world import FRAMES_PER_SECOND, RATE, Floats, Signal

FRAME = RATE // FRAMES_PER_SECOND
GATE_DB = -40.0
"""Frames this far below the loud ones count as silence."""
CEILING = 0.97
KNEE = 0.8


def frame_rms(samples: Signal, frames: int | None = None) -> Floats:
    """RMS (frames,) of windows of 25 ms around every 5 ms frame of 24 kHz samples."""
    power = np.asarray(samples, dtype=np.float64) ** 2
    total = np.concatenate([[0.0], np.cumsum(power)])
    count = samples.size // FRAME + 1 if frames is None else frames
    centre = np.arange(count) * FRAME
    low = np.clip(centre - 300, 0, samples.size)
    high = np.clip(centre + 300, 0, samples.size)
    mean = (total[high] - total[low]) / np.maximum(high - low, 1)
    levels: Floats = np.sqrt(np.maximum(mean, 0.0))
    return levels


def active_frames(levels: Floats) -> npt.NDArray[np.bool_]:
    """True where a frame is speech: within 40 dB of the 95th percentile of levels."""
    loud = float(np.percentile(levels, 95)) if levels.size else 0.0
    active: npt.NDArray[np.bool_] = levels > max(loud * 10 ** (GATE_DB / 20), 1e-6)
    return active


def active_rms(samples: Signal) -> float:
    """RMS over the frames that are speech; 0 if there is none."""
    return _active(frame_rms(samples))


def levelled(samples: Floats, rms: float) -> npt.NDArray[np.float32]:
    """The samples at an active RMS, as float32 below full scale.

    A soft limiter bends only what exceeds 0.8; a few rounds make up for what it takes away.
    """
    gain = rms / max(active_rms(samples), 1e-9)
    out = _limited(samples * gain)
    for _ in range(4):
        lack = rms / max(active_rms(out), 1e-9)
        if abs(lack - 1) < 0.01:
            break
        gain *= min(lack, 1.5)
        out = _limited(samples * gain)
    return out.astype(np.float32)


class Levelling:
    """Brings speech to an active RMS bit by bit, by all that came so far."""

    def __init__(self, rms: float) -> None:
        self._rms = rms
        self._levels: list[Floats] = []

    def __call__(self, samples: Floats) -> npt.NDArray[np.float32]:
        """As `levelled`; what is said softly among the rest stays soft."""
        self._levels.append(frame_rms(samples))
        share = active_rms(samples) / max(_active(np.concatenate(self._levels)), 1e-9)
        return levelled(samples, self._rms * share)


def _active(levels: Floats) -> float:
    active = levels[active_frames(levels)]
    return float(np.sqrt(np.mean(active**2))) if active.size else 0.0


def _limited(samples: Floats) -> Floats:
    size = np.abs(samples)
    span = CEILING - KNEE
    bent = KNEE + span * np.tanh((size - KNEE) / span)
    return np.where(size > KNEE, np.sign(samples) * bent, samples)

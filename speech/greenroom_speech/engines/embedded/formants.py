"""Moving a voice's formants, and finding how far they must move to be another's."""

import numpy as np

from greenroom_speech.engines.embedded.voice_profile import decode
from greenroom_speech.engines.embedded.world import BINS, RATE, Floats

WARPS = np.round(np.arange(0.80, 1.2501, 0.02), 2)
_MELS = 40
_TOP_HZ = 7_600.0
"""Flite has nothing above 8 kHz to be compared."""


def warped(log_power: Floats, alpha: float) -> Floats:
    """Log envelopes (frames, 513) with their formants moved up by the factor alpha."""
    source = np.clip(np.arange(BINS) / alpha, 0, BINS - 1)
    low = np.minimum(source.astype(np.intp), BINS - 2)
    part = source - low
    moved: Floats = log_power[:, low] * (1 - part) + log_power[:, low + 1] * part
    return moved


def best_warp(source_codes: Floats, target_codes: Floats, bandwidth: float) -> tuple[float, float]:
    """The alpha that brings paired source frames nearest the target's, and the distance.

    Both codes have shape (pairs, 60). The distance is the root mean square difference of mel log
    envelopes in nepers, each freed of its frame's loudness, below the bandwidth in Hz.
    """
    source, target = np.log(decode(source_codes)), np.log(decode(target_codes))
    mel = _mel_bands(min(bandwidth * 0.95, _TOP_HZ))
    wanted = _shape(target @ mel)
    distances = [_apart(_shape(warped(source, alpha) @ mel), wanted) for alpha in WARPS]
    best = int(np.argmin(distances))
    return float(WARPS[best]), float(distances[best])


def _apart(ours: Floats, wanted: Floats) -> float:
    return float(np.sqrt(np.mean((ours - wanted) ** 2)))


def _shape(bands: Floats) -> Floats:
    shape: Floats = bands - bands.mean(axis=1, keepdims=True)
    return shape


def _mel_bands(top: float) -> Floats:
    """Triangular means over 40 mel bands up to ``top`` Hz, shape (513, 40)."""
    hertz = np.linspace(0, RATE / 2, BINS)
    edges = 700 * np.expm1(np.linspace(np.log1p(100 / 700), np.log1p(top / 700), _MELS + 2))
    rise = (hertz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hertz[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(np.minimum(rise, fall), 0) + 1e-9
    mel: Floats = weights / weights.sum(axis=0)
    return mel

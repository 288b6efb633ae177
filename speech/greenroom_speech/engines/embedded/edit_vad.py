"""The task ``vad``: the recording without its silences, by an energy gate."""

import numpy as np
from scipy.ndimage import binary_closing, binary_dilation

from greenroom_speech.engines.embedded.loudness import FRAME, frame_rms
from greenroom_speech.engines.embedded.world import Floats

LONGEST_GAP_FRAMES = 30
"""Silences up to 150 ms belong to the words around them."""
MARGIN_FRAMES = 8
FADE = 120
"""Samples, 5 ms, over which the pieces blend."""


def without_silence(samples: Floats) -> Floats:
    """24 kHz speech without pauses longer than 150 ms and without silent ends."""
    kept = _speech(frame_rms(samples))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    result = np.zeros(0)
    for begin, end in edges.reshape(-1, 2):
        result = _joined(result, samples[begin * FRAME : end * FRAME])
    return result


def _speech(levels: Floats) -> Floats:
    decibels = 20 * np.log10(np.maximum(levels, 1e-6))
    floor, loud = np.percentile(decibels, [5, 95])
    speech = decibels > max(loud - 40, floor + 0.3 * (loud - floor))
    padded = np.pad(speech, LONGEST_GAP_FRAMES)
    closed = binary_closing(padded, np.ones(LONGEST_GAP_FRAMES))
    wide = binary_dilation(closed, np.ones(2 * MARGIN_FRAMES + 1))
    inner: Floats = wide[LONGEST_GAP_FRAMES:-LONGEST_GAP_FRAMES]
    return inner


def _joined(left: Floats, right: Floats) -> Floats:
    if left.size < FADE or right.size < FADE:
        return np.concatenate([left, right])
    ramp = np.linspace(0, 1, FADE)
    blend = left[-FADE:] * (1 - ramp) + right[:FADE] * ramp
    return np.concatenate([left[:-FADE], blend, right[FADE:]])

"""Where a sentence can be cut, so that its beginning is heard before its end is made."""

import numpy as np

from greenroom_speech.engines.embedded.loudness import FRAME, frame_rms
from greenroom_speech.engines.embedded.world import FRAMES_PER_SECOND, Floats

FIRST = (round(0.45 * FRAMES_PER_SECOND), round(0.8 * FRAMES_PER_SECOND))
LATER = (round(1.0 * FRAMES_PER_SECOND), round(2.0 * FRAMES_PER_SECOND))
"""Least and most frames of a stretch."""


def borders(samples: Floats, first: bool) -> list[int]:
    """Samples between which the stretches of a sentence lie, 0 and the end among them.

    Each cut is where it is quietest: between words, or where a consonant closes. With ``first``
    the first stretch is short.
    """
    levels = frame_rms(samples)
    least, most = FIRST if first else LATER
    cuts = [0]
    while cuts[-1] // FRAME + most + least < levels.size:
        low = cuts[-1] // FRAME + least
        high = cuts[-1] // FRAME + most
        cuts.append((low + int(np.argmin(levels[low:high]))) * FRAME)
        least, most = LATER
    return [*cuts, samples.size]

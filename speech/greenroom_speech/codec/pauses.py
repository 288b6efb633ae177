"""Long sound in pieces that are cut where it is quietest, which is between words."""

from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np

from greenroom_speech.codec.limits import WINDOW_SECONDS
from greenroom_speech.codec.recording import Samples

_FRAME_SECONDS = 0.02
_PAUSE_FRAMES = 15
"""A pause this long, 0.3 s, counts as one; what is shorter may be within a word."""
_EARLIEST = 2 / 3
"""Of the longest piece: where the search for a pause begins."""


async def pieces(
    windows: AsyncIterator[Samples], rate: int, longest: float
) -> AsyncGenerator[Samples, None]:
    """What fits whole into one piece is not cut. `rate` in Hz, `longest` in seconds.

    A piece is good until the next one is asked for: all of them lie in the same memory, which has
    room for one piece and one window, of at most 30 s.
    """
    most, filled = int(longest * rate), 0
    room = np.empty(most + WINDOW_SECONDS * rate, np.float32)
    async for window in windows:
        end = filled + len(window)
        room[filled:end] = window
        filled = end
        del window
        while filled > most:
            end = quietest(room[:most], rate)
            yield room[:end]
            room[: filled - end] = room[end:filled]
            filled -= end
    if filled:
        yield room[:filled]


def quietest(samples: Samples, rate: int) -> int:
    """Where to cut, in the last third: the middle of the quietest 0.3 s."""
    size = max(1, int(_FRAME_SECONDS * rate))
    begin = int(len(samples) * _EARLIEST)
    count = (len(samples) - begin) // size
    if count <= _PAUSE_FRAMES:
        return len(samples)
    frames = samples[begin : begin + count * size].reshape(count, size)
    energy = np.einsum("ij,ij->i", frames, frames)
    of_pauses = np.convolve(energy, np.ones(_PAUSE_FRAMES), "valid")
    return begin + (int(np.argmin(of_pauses)) + _PAUSE_FRAMES // 2) * size

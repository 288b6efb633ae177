"""Speech of several pieces of a text as one waveform."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

PAUSE_SECONDS = 0.25
"""Between two pieces, as a speaker pauses between sentences."""
_FADE_SECONDS = 0.01
_FRAME_SECONDS = 0.01
_SILENT = 0.01
"""Of the loudest frame: 40 dB below it a frame counts as silent."""

Wave = npt.NDArray[np.float32]


def join(waves: Sequence[Wave], rate: int) -> Wave:
    """The waves (n,) one after another, with a pause of 0.25 s between two.

    Where two meet, each fades to silence, so there is no click; silence that a wave brings counts
    as part of the pause, and what is more is cut. Beginning and end stay as they are.
    """
    heard = [np.asarray(wave, np.float32) for wave in waves if len(wave)]
    if not heard:
        return np.zeros(0, np.float32)
    ended = [*(before_pause(wave, rate) for wave in heard[:-1]), heard[-1]]
    return np.concatenate([ended[0], *(after_pause(wave, rate) for wave in ended[1:])])


def after_pause(wave: Wave, rate: int) -> Wave:
    """A wave that begins with half a pause and fades in."""
    return before_pause(wave[::-1], rate)[::-1]


def before_pause(wave: Wave, rate: int) -> Wave:
    """A wave that fades out and ends in half a pause."""
    half = round(rate * PAUSE_SECONDS / 2)
    silent = _silent_at_end(wave, round(rate * _FRAME_SECONDS))
    kept = wave[: len(wave) - silent + min(silent, half)].copy()
    fade = min(len(kept), round(rate * _FADE_SECONDS))
    kept[len(kept) - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    return np.concatenate([kept, np.zeros(half - min(silent, half), np.float32)])


def _silent_at_end(wave: Wave, frame: int) -> int:
    """Samples at the end in silent frames of ``frame`` samples, counted from the end."""
    frames = wave[len(wave) % frame :].reshape(-1, frame)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    loud = np.flatnonzero(loudness > _SILENT * loudness.max(initial=0))
    return len(wave) if not len(loud) else (len(frames) - 1 - int(loud[-1])) * frame

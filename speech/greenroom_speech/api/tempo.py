"""Faster or slower speech at the same pitch: OpenAI's ``speed`` for any engine.

Waveform-similarity overlap-add: Verhelst and Roelands, "An overlap-add technique based on
waveform similarity (WSOLA) for high quality time-scale modification of speech", ICASSP 1993.
"""

import numpy as np

from greenroom_speech.codec.recording import Samples

WINDOW_SECONDS = 0.025
SEARCH_SECONDS = 0.008


class Tempo:
    """Makes speech `speed` times as fast, piece by piece; the result knows nothing of the pieces.

    Its length is divided by `speed`. ``rate`` is in Hz.
    """

    def __init__(self, speed: float, rate: int) -> None:
        self._speed = speed
        self._half = round(WINDOW_SECONDS * rate / 2)
        self._reach = round(SEARCH_SECONDS * rate)
        self._window = np.hanning(2 * self._half + 1)[:-1].astype(np.float32)
        self._given = self._made = self._step = 0
        # What was given from `_from` on, after as many zeros as one looks back.
        self._from, self._left = -self._reach, np.zeros(self._reach, np.float32)
        self._tail = np.zeros(self._half, np.float32)
        self._expected: Samples | None = None

    def moved(self, samples: Samples) -> Samples:
        """What can be told after these samples [n]; the rest comes with the next or the end."""
        if self._speed == 1.0:
            return samples
        self._given += len(samples)
        self._left = np.concatenate((self._left, samples))
        return self._counted(self._overlapped(self._given))

    def end(self) -> Samples:
        """The last samples."""
        if self._speed == 1.0:
            return np.zeros(0, np.float32)
        length = round(self._given / self._speed)
        if self._given < 4 * self._half:  # too short to be moved
            return self._left[self._reach :]
        missing = length - self._made
        silence = 4 * self._half + 4 * self._reach + round(self._half * self._speed)
        self._left = np.concatenate((self._left, np.zeros(silence, np.float32)))
        rest = self._overlapped(self._given + silence, length // self._half + 1)
        return self._counted(np.concatenate((rest, self._tail))[:missing])

    def _counted(self, made: Samples) -> Samples:
        self._made += len(made)
        return made

    def _overlapped(self, known: int, steps: int | None = None) -> Samples:
        """The pieces of all steps, up to `steps`, whose samples are among the first `known`."""
        half, reach, made = self._half, self._reach, []
        needed = 3 * half + reach
        while steps is None or self._step < steps:
            begin = round(self._step * half * self._speed)
            begin = begin if steps is None else min(begin, self._given)
            if begin + needed > known or (steps is None and self._given < 4 * half):
                break
            made.append(self._piece(begin))
            self._step += 1
        self._forget(min(round(self._step * half * self._speed), self._given) - reach)
        return np.concatenate(made) if made else np.zeros(0, np.float32)

    def _piece(self, begin: int) -> Samples:
        """Half a window from about `begin`, and the tail of the one before."""
        half, reach = self._half, self._reach
        if self._expected is None:
            self._expected = self._of(0, 2 * half)
        region = self._of(begin - reach, begin + 2 * half + reach)
        at = begin - reach + _best(region, self._expected)
        piece = self._of(at, at + 2 * half) * self._window
        # The first half window has no partner to add up to one with.
        first = self._tail + piece[:half] if self._step else self._of(0, half)
        self._tail, self._expected = piece[half:], self._of(at + half, at + 3 * half)
        return first

    def _of(self, begin: int, end: int) -> Samples:
        return self._left[begin - self._from : end - self._from]

    def _forget(self, before: int) -> None:
        gone = min(before - self._from, len(self._left))
        if gone > 0:
            self._left, self._from = self._left[gone:], self._from + gone


def _best(region: Samples, expected: Samples) -> int:
    """The offset in `region` where it continues the last piece best, by normalised correlation."""
    if len(expected) < len(region) - len(expected):
        return 0
    energy = np.convolve(region**2, np.ones(len(expected), np.float32), "valid")
    return int(np.argmax(np.correlate(region, expected, "valid") / np.sqrt(energy + 1e-6)))

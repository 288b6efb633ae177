"""What is plainly wrong with a draw: told by its codes as they come, by its length, by its sound.

The limits are wide: they are to catch what nobody would call speech, not what is merely odd.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from greenroom_speech.engines.step_audio.joining import Wave
from greenroom_speech.engines.step_audio.vocoder.token_pairs import GROUP, PLACES
from greenroom_speech.sentences import spoken_seconds

CODES_PER_SECOND = 125 / 3
_PERIODS = range(5, 45, 5)
"""Codes in which a loop may come round: whole groups, a second at most."""
_LOOP_CODES = 125
"""So many codes that only repeat, three seconds, are a loop."""
_FIRST_CODES, _FIRST_PERIODS = 30, range(5, 15, 5)
"""Speech that begins with a short loop is known by the codes of its first chunk."""
_QUIET_SECONDS, _QUIET_BEGIN_SECONDS = 3.0, 2.0
QUIET_LEVEL = 10 ** (-50 / 20)
"""What stays below it is a pause."""
_FRAME_SECONDS = 0.02
_PACES = (0.6, 2.0)
"""Of speakers, as factors on the time that one takes to say a text."""
_MISFIT, _MISFIT_SECONDS = 2.5, 4.0
"""A transcript so many times and seconds longer or shorter than its recording is not of it."""


class CodeWatch:
    """Looks at codes one by one: at their order, and for a stretch that only repeats itself."""

    def __init__(self, patience: int = 1) -> None:
        """``patience``: how many times as long as usual a loop may last."""
        self._most = _LOOP_CODES * patience
        self._runs = dict.fromkeys(_PERIODS, 0)
        self._codes: list[int] = []

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, codes: Sequence[int]) -> str | None:
        """Take further codes up to the first that is wrong, and say what is.

        However the codes are grouped, it is the same.
        """
        for code in codes:
            self._codes.append(code)
            if code not in PLACES[(len(self) - 1) % GROUP]:
                return "its codes came out of order"
            if self._is_loop(code):
                return "it repeated itself in a loop"
        return None

    def _is_loop(self, code: int) -> bool:
        for period in _PERIODS:
            again = len(self) > period and self._codes[-1 - period] == code
            run = self._runs[period] = self._runs[period] + 1 if again else 0
            begins = len(self) == _FIRST_CODES and period in _FIRST_PERIODS
            if run >= self._most or (begins and run == len(self) - period):
                return True
        return False


@dataclass(frozen=True)
class Bounds:
    """How long a draw may last, in seconds."""

    least: float
    most: float


def pace_of(said: str, seconds: float) -> float:
    """How many times as long as usual the prompt's speaker takes; 1 where that is not known."""
    usual = spoken_seconds(said)
    if not usual or misfit(said, seconds):
        return 1.0
    return min(max(seconds / usual, _PACES[0]), _PACES[1])


def misfit(said: str, seconds: float) -> str | None:
    """A sentence where a transcript can hardly be what so many seconds of speech say."""
    usual = spoken_seconds(said)
    shorter, longer = sorted((usual, seconds))
    if not usual or longer <= max(shorter * _MISFIT, shorter + _MISFIT_SECONDS):
        return None
    return (
        f"TRANSCRIPT takes about {usual:.0f} s to say and the recording has {seconds:.0f} s of "
        "speech; if they do not match, the voice may say other words or not stop. Check it."
    )


def bounds(text: str, before: float, pace: float) -> Bounds:
    """For saying a text; ``before``: the seconds of the speech that an edit changes, else 0."""
    usual = max(spoken_seconds(text), before)
    return Bounds(0.25 * usual * min(pace, 1.0) - 0.5, 3.0 + 2.5 * usual * max(pace, 1.0))


class QuietWatch:
    """Looks at the sound of one utterance, piece by piece."""

    def __init__(self, rate: int, before: float) -> None:
        """``before``: seconds of the recording that an edit changes: as much may be quiet."""
        self._rate, self._before = rate, before
        self.sounded = False
        self._quiet = 0

    def add(self, wave: Wave) -> bool:
        """Take the next samples; True: it has been quiet for too long."""
        frame = round(self._rate * _FRAME_SECONDS)
        for begin in range(0, len(wave), frame):
            part = wave[begin : begin + frame]
            if float(np.abs(part).max()) > QUIET_LEVEL:
                self.sounded, self._quiet = True, 0
            else:
                self._quiet += len(part)
            most = _QUIET_SECONDS if self.sounded else _QUIET_BEGIN_SECONDS
            if self._quiet > (most + self._before) * self._rate:
                return True
        return False

    @property
    def is_silence(self) -> bool:
        """Nothing has sounded, though there was a text to say."""
        return not self._before and not self.sounded

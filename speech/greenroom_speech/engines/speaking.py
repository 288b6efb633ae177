"""Engines that speak one request at a time, phrase by phrase."""

import math
import time
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from greenroom.managed.engine import HostEngine, Tensors, text
from greenroom.managed.stepped_engine import Piece, Row
from greenroom_speech.engines.seeds import seed_used

Wave = npt.NDArray[np.float32]
Phrases = Iterator[tuple[Wave, bool]]
"""One piece of work for each ``next``: the phrase (samples,) that it made, empty if it made none,
and whether it was the last. What has been said stays as it is: the phrases joined are the answer.
"""

LEAST_SECONDS = 0.3
"""Sound in the first piece: what is shorter is not worth a beginning."""
_LATELY = 16
"""Steps of which the longest tells how long the next may take."""


class SpeakingRow(Row):
    """One answer; its pieces are ``WAVEFORM``, ``WAVEFORM_RATE``, ``SEED_USED``, ``WARNING``."""

    def __init__(self, phrases: Phrases, rate: int, warning: str = "") -> None:
        """`warning` is told with the first piece."""
        self._phrases, self._rate, self._warning = phrases, rate, warning
        self._made: list[Wave] = []
        self._taken = False
        self.turn = 0
        """When it was last advanced, in steps of its engine."""

    def advance(self) -> None:
        """Do one piece of work."""
        try:
            wave, self.done = next(self._phrases)
        except StopIteration:
            self.done = True
        except Exception as error:
            self.error, self.done = error, True
        else:
            self._made.append(wave)

    @property
    def ready(self) -> bool:
        """Whether there is sound to hand over; of the first piece, whether it is long enough."""
        samples = sum(wave.size for wave in self._made)
        if self._taken or self.done:
            return samples > 0
        return samples >= LEAST_SECONDS * self._rate

    def take(self, whole: bool) -> Piece:
        """Hand over all that was made since the last time."""
        wave = np.concatenate([np.zeros(0, np.float32), *self._made])
        seconds = wave.size / self._rate
        if not whole:
            now = time.monotonic()
            self.due = (now if math.isinf(self.due) else max(now, self.due)) + seconds
        self._made, self._taken = [], True
        rate = np.array([self._rate], dtype=np.int32)
        # Nothing is drawn by chance.
        tensors = {
            "WAVEFORM": wave,
            "WAVEFORM_RATE": rate,
            "SEED_USED": seed_used(0),
            "WARNING": text(self._warning),
        }
        self._warning = ""
        return Piece(tensors, seconds)


class SpeakingEngine(HostEngine):
    """A stepped engine that cannot work on several requests together: they take turns."""

    def __init__(self) -> None:
        self._steps = 0
        self._took = deque([0.0], _LATELY)

    def begin(self, request: Tensors, whole: bool) -> SpeakingRow:
        """Check a request and return its row; raise InvalidInput for a wrong one."""
        raise NotImplementedError

    def step(self, rows: Sequence[SpeakingRow]) -> None:
        """Advance the stream that would be late first, else the row that has waited longest.

        Late would be who has no sound left by the time at which all that have begun, and one
        that has not, have had a step. A new one has waited for ever.
        """
        begun, now = sum(math.isfinite(row.due) for row in rows), time.monotonic()
        soon = now + (begun + 1) * max(self._took)
        row = min(rows, key=lambda row: (min(row.due, soon), row.turn))
        self._steps += 1
        row.turn = self._steps
        row.advance()
        self._took.append(time.monotonic() - now)

    def end(self, row: SpeakingRow) -> None:
        """A row holds nothing but itself."""

    def answer(self, request: Tensors) -> Tensors:
        """The whole answer to one request; raise InvalidInput for a wrong one."""
        row = self.begin(request, whole=True)
        while not row.done:
            row.advance()
        if row.error is not None:
            raise row.error
        return row.take(whole=True).tensors

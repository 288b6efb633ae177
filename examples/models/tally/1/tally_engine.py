"""The smallest engine that works in steps and gives its answer in pieces."""

import re
from collections import deque
from collections.abc import Sequence

import numpy as np

from greenroom.managed.engine import HostEngine, Tensors
from greenroom.managed.stepped_engine import Piece, Row


class TallyRow(Row):
    """Reads one text, word by word; the count of each sentence is a piece."""

    def __init__(self, text: str) -> None:
        self._words = deque(re.findall(r"\S+", text))
        self._count = 0
        self._counts: list[int] = []

    def read(self) -> None:
        """Read one word more."""
        word = self._words.popleft() if self._words else "."
        self._count += word != "."
        self.done = not self._words
        if self.done or word[-1] in ".!?":
            self._counts.append(self._count)
            self._count = 0

    @property
    def ready(self) -> bool:
        """Whether a sentence has been counted."""
        return bool(self._counts)

    def take(self, whole: bool) -> Piece:
        """Return ``WORDS``, INT32 [sentences]; of one sentence unless it is the whole."""
        length = len(self._counts) if whole else 1
        taken, self._counts = self._counts[:length], self._counts[length:]
        return Piece({"WORDS": np.array(taken, np.int32)})


class TallyEngine(HostEngine):
    """Counts the words of each sentence of ``TEXT``."""

    name = "tally"

    def begin(self, request: Tensors, whole: bool) -> TallyRow:
        """Begin a text; nothing of it is read yet."""
        return TallyRow(str(request["TEXT"][0]))

    def step(self, rows: Sequence[TallyRow]) -> None:
        """Read one word of each text."""
        for row in rows:
            row.read()

    def end(self, row: TallyRow) -> None:
        """A row holds nothing but itself."""

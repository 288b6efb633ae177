"""What an engine must offer to work in steps: many requests in work, each advanced bit by bit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from greenroom.managed.engine import Tensors


@dataclass(frozen=True)
class Piece:
    """A part of a row's outputs, or all that is left of them."""

    tensors: Tensors
    seconds: float = 0.0
    """How long it lasts for who takes it; 0: that means nothing here."""


class Row:
    """One answer in the making, with all that the engine must remember of it between steps.

    A row may draw tokens in some steps and turn a stretch of them into output in others; it is
    ``ready`` with each stretch, and ``done`` with the last.
    """

    done: bool = False
    """No further step is needed; what is ready can still be taken."""
    error: Exception | None = None
    """Why this row failed; it is never stepped again, and the others go on."""
    due: float = math.inf
    """When who takes its pieces runs out of what came before them, by the monotonic clock; set
    after ``begin`` where something has come before. Until then nothing is late."""

    @property
    def ready(self) -> bool:
        """A piece is there that has not been taken."""
        raise NotImplementedError

    def take(self, whole: bool) -> Piece:
        """Hand over the next piece, or with ``whole`` all that is left as one.

        It is called when a piece is ready or the row is done; ``whole`` only when it is done. A
        row that is done with nothing left gives a piece of length 0.
        """
        raise NotImplementedError


@runtime_checkable
class SteppedEngine(Protocol):
    """The three methods that a stepped engine has in place of ``Engine.run``.

    ``SteppedModel`` is the only caller, from one thread, and the engine is hot at every call.
    More rows can have begun than are stepped at once: a stream that nobody pulls pauses with
    its state kept. Rows must not depend on each other: the same request gives the same bits alone
    and beside any others.
    """

    def begin(self, request: Tensors, whole: bool) -> Row:
        """Check a request and return its row; raise InvalidInput for a wrong one.

        It is quick: what takes long belongs into steps. ``whole`` says that nobody will take
        a piece before the row is done, so an engine need not cut its answer.
        """
        ...

    def step(self, rows: Sequence[Row]) -> None:
        """Advance every row by one piece of work, in one batch where that is possible.

        A step is what controls, cancels and new requests wait for. A row that fails gets its
        ``error``; an exception fails all rows of this step.
        """
        ...

    def end(self, row: Row) -> None:
        """Forget a row, whether it is done, failed or cancelled; it must not raise."""
        ...

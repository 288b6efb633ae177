"""The requests and streams that a stepped model has in hand, and when they leave it."""

import time
from typing import Any

from greenroom.errors import Cancelled, InvalidInput, Unavailable
from greenroom.managed.engine import Tensors
from greenroom.managed.stepped_engine import Row, SteppedEngine
from greenroom.managed.stream_order import UNKNOWN_STREAM
from greenroom.managed.work import Work

MAX_STREAMS = 256
"""Streams at once, as many as Triton has candidates."""
_UNSEEN_EXECUTES, _UNSEEN_SECONDS = 8, 1.0
"""Triton hands every request over at least every fourth time (256 candidates, 64 at once); one that
was not here for longer was dropped by Triton itself."""


class InHand:
    """Every answer in the making, by the request that waits for it and by its stream's id."""

    def __init__(self, engine: SteppedEngine, idle_seconds: float) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._arrived = self._executes = 0
        self._now = 0.0
        self._works: dict[Work, None] = {}
        self._streams: dict[str, Work] = {}
        self.waiting: dict[int, Work] = {}
        """By correlation id, which stays the same while a request is handed back and forth."""

    @property
    def works(self) -> list[Work]:
        """All of it, in the order in which it came here."""
        return list(self._works)

    def begun(self) -> int:
        """Rows that the engine has begun and not yet ended."""
        return sum(work.row is not None for work in self._works)

    def next_execute(self, now: float) -> None:
        """Forget whose request Triton dropped, and end streams that nobody pulls."""
        self._now, self._executes = now, self._executes + 1
        for work in self.works:
            work.request = None
            if work.waiter is None:
                if now - work.touched > self._idle_seconds:
                    self.end(work)
            elif (
                self._executes - work.execute > _UNSEEN_EXECUTES
                and now - work.touched > _UNSEEN_SECONDS
            ):
                self._dropped(work)

    def add(
        self,
        *,
        waiter: int | None = None,
        stream: str | None = None,
        row: Row | None = None,
        whole: bool = True,
        arrived: float | None = None,
    ) -> Work:
        """`arrived`: unix time, of who was elsewhere before; None: now."""
        self._arrived += 1
        arrival = (time.time() if arrived is None else arrived, self._arrived)
        work = Work(arrival, whole, stream, row, waiter=waiter, touched=self._now)
        self._works[work] = None
        if waiter is not None:
            self.waiting[waiter] = work
        if stream is not None:
            self._streams[stream] = work
        return work

    def touch(self, work: Work, request: Any) -> None:
        """Note that the request which waits is here."""
        work.request, work.touched, work.execute = request, self._now, self._executes

    def check_new(self, stream: str) -> None:
        """Raise InvalidInput or Unavailable if a stream of that id cannot be started."""
        if stream in self._streams:
            raise InvalidInput(f"stream {stream!r} has been started already.")
        if len(self._streams) >= MAX_STREAMS:
            raise Unavailable(f"{MAX_STREAMS} streams are open; no more can be started.")

    def stream(self, stream: str, tensors: Tensors) -> Work:
        """``tensors`` are what came beside STREAM, where none may be. Raises InvalidInput."""
        if tensors:
            raise InvalidInput(
                f"input {next(iter(tensors))} came with a STREAM whose action is not start."
            )
        if stream not in self._streams:
            raise InvalidInput(
                f"stream {stream!r} {UNKNOWN_STREAM}, was not pulled for "
                f"{self._idle_seconds:g} s, or was started in another process of the model."
            )
        return self._streams[stream]

    def pull(self, work: Work, waiter: int, whole: bool) -> None:
        """Let a request wait for the next piece."""
        if work.waiter is not None:
            raise InvalidInput(f"stream {work.stream!r} is being pulled by another request.")
        work.waiter, work.whole = waiter, work.whole or whole
        self.waiting[waiter] = work

    def took(self, work: Work, final: bool) -> None:
        """Note that the piece, or the answer, was handed over."""
        work.pieces += 1
        if final or work.stream is None:
            self.end(work)
        else:
            self._let_go(work)

    def cancel(self, work: Work) -> None:
        """End a stream; who waits for its next piece is told when its request comes by."""
        if work.waiter is None:
            self.end(work)
        else:
            work.error = Cancelled(f"stream {work.stream!r} was cancelled.")
            self._forget_row(work)

    def end(self, work: Work) -> None:
        """Forget a work; whoever waits for it must have been answered."""
        self._forget_row(work)
        self._works.pop(work, None)
        self._let_go(work)

    def _forget_row(self, work: Work) -> None:
        if work.stream is not None and self._streams.get(work.stream) is work:
            del self._streams[work.stream]
        if work.row is not None:
            self._engine.end(work.row)
            work.row = None

    def _dropped(self, work: Work) -> None:
        """Triton has dropped the request; a stream's next pull can still come."""
        if work.stream is None or work.failure is not None:
            self.end(work)
        else:
            self._let_go(work)

    def _let_go(self, work: Work) -> None:
        if work.waiter is not None:
            self.waiting.pop(work.waiter, None)
            work.waiter = None

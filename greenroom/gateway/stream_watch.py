"""Measures the streams of one request, and ends them when others wait for their memory too long."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from greenroom.controller.controller import Controller
from greenroom.errors import Unavailable
from greenroom.gateway.walk import RawPiece, Walk
from greenroom.residency.states import Residency
from greenroom.settings import Settings

_LOOK_EVERY = 1.0
"""Seconds between looks at whether somebody waits, once a stream has lasted long enough."""


class StreamWatch:
    """One after another, a request may have several streams; for who takes them they are one."""

    def __init__(self, controller: Controller, settings: Settings, model: str) -> None:
        self._controller = controller
        self._spare = settings.stream_spare_seconds
        self._untold = settings.stream_untold_seconds
        self._model = model
        self._began = 0.0
        self._told = 0.0
        self._played_until = 0.0

    @contextmanager
    def over(self, walk: Walk, needs: tuple[str, ...]) -> Iterator[None]:
        """Watch a walk while inside; `needs` are the models that its lease holds."""
        loop = asyncio.get_running_loop()
        streams = self._controller.metrics.streams.labels(self._model)

        def look() -> None:
            left = self._left() if self._began else _LOOK_EVERY
            over = self._began and left <= 0
            if over and self._controller.memory_awaited_beside(needs):
                walk.leave(Unavailable(self._why()))
            else:
                self._timer = loop.call_later(max(left, _LOOK_EVERY), look)

        self._timer = loop.call_later(_LOOK_EVERY, look)
        streams.inc()
        try:
            yield
        finally:
            self._timer.cancel()
            streams.dec()

    def came(self, piece: RawPiece, start: Residency, arrived: float, pulled: float) -> None:
        """Count a piece that has come; `arrived` and `pulled` are of its request and its pull."""
        now, metrics = time.perf_counter(), self._controller.metrics
        if not self._began:
            self._began = self._played_until = now
            metrics.first_piece_seconds.labels(self._model, start).observe(now - arrived)
        elif pulled <= self._played_until < now and self._told:
            metrics.late_pieces.labels(self._model).inc()
        self._told += piece.seconds
        self._played_until = max(self._played_until, now) + piece.seconds

    def added(self, seconds: float) -> None:
        """Count what its app has put between the pieces, such as a pause."""
        self._told += seconds
        self._played_until += seconds

    @property
    def due(self) -> float | None:
        """Unix time at which who takes the pieces runs out of them; None: there were none yet."""
        return time.time() + self._played_until - time.perf_counter() if self._began else None

    def _left(self) -> float:
        return self._longest() - (time.perf_counter() - self._began)

    def _longest(self) -> float:
        return 2 * self._told + self._spare if self._told else self._untold

    def _why(self) -> str:
        return (
            f"The stream was ended after {self._longest():.0f} s because another model waits for "
            f"the memory (GREENROOM_STREAM_SPARE_SECONDS, GREENROOM_STREAM_UNTOLD_SECONDS)."
        )

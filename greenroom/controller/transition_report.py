"""The end of a transition: how it went, an event for who listens, counted, a line in the log."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from greenroom.controller.metrics import Metrics
from greenroom.errors import GreenroomError
from greenroom.residency.control import Report
from greenroom.residency.effects import Begin
from greenroom.residency.states import Action, Residency

logger = logging.getLogger(__name__)

_LISTENER_QUEUE = 256


@dataclass(frozen=True)
class Event:
    """One transition that ran. `bytes`: device bytes after it; `at`: UTC, ISO 8601."""

    model: str
    action: str
    came_from: str
    to: str
    seconds: float
    bytes: int
    reason: str
    at: str
    error: str | None = None

    def as_json(self) -> dict[str, str | float | int | None]:
        """Under its public names."""
        return {
            "model": self.model,
            "action": self.action,
            "from": self.came_from,
            "to": self.to,
            "seconds": round(self.seconds, 4),
            "bytes": self.bytes,
            "reason": self.reason,
            "at": self.at,
            "error": self.error,
        }


class Events:
    """Hands every event to every listener; one that does not keep up loses the oldest."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Event | None]] = set()
        self._closed = False

    def publish(self, event: Event) -> None:
        self._put(event)

    def close(self) -> None:
        """There will be no more events, for listeners to come either."""
        self._closed = True
        self._put(None)

    def _put(self, event: Event | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def listen(self) -> AsyncIterator[Event]:
        """From now on, until the listener leaves or there are no more."""
        if self._closed:
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_LISTENER_QUEUE)
        self._listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)


@dataclass(frozen=True)
class TransitionEnd:
    """How a transition went. `at` is UTC, `seconds` what it took, `report` the model's last one."""

    action: Action
    seconds: float
    at: str
    report: Report
    error: GreenroomError | None = None
    reported: Residency | None = None
    """After a failure: the state that the model itself tells of, if it still does."""

    @property
    def result(self) -> str:
        """The label `result` of the metrics."""
        return "failed" if self.error else "done"

    def brief(self) -> dict[str, Any]:
        """`last_transition` of GET /residency."""
        return {"action": self.action, "seconds": round(self.seconds, 4), "at": self.at}

    def event(self, model: str, came_from: Residency, to: Residency, reason: str) -> Event:
        return Event(
            model,
            self.action,
            came_from,
            to,
            self.seconds,
            self.report.device_bytes,
            reason,
            self.at,
            str(self.error) if self.error else None,
        )


class TransitionReport:
    """Counts transitions that ended, logs them, and tells them to who listens."""

    def __init__(self, metrics: Metrics, events: Events) -> None:
        self._metrics = metrics
        self._events = events

    def tell(self, begin: Begin, came_from: Residency, to: Residency, ended: TransitionEnd) -> None:
        """Tell how `begin` ended."""
        self._metrics.transitions.labels(begin.model, begin.action, ended.result).inc()
        self._metrics.transition_seconds.labels(begin.model, begin.action).observe(ended.seconds)
        if ended.error is None:
            self._metrics.count(begin)
        self._events.publish(ended.event(begin.model, came_from, to, begin.reason))
        if ended.error is not None:
            logger.warning("%s %s failed: %s", begin.action, begin.model, ended.error)
            return
        logger.info(
            "%s %s (%s): %s -> %s in %.3f s, %d bytes on the device, %d in host memory",
            begin.action,
            begin.model,
            begin.reason,
            came_from,
            to,
            ended.seconds,
            ended.report.device_bytes,
            ended.report.host_bytes,
        )

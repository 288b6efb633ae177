"""Transitions as they end, for everyone who listens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

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
        """Return the event under its public names."""
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
        """Tell all listeners."""
        self._put(event)

    def close(self) -> None:
        """Tell all listeners, also those to come, that there will be no more events."""
        self._closed = True
        self._put(None)

    def _put(self, event: Event | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    async def listen(self) -> AsyncIterator[Event]:
        """Yield events from now on, until the listener leaves or there are no more."""
        if self._closed:
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue(_LISTENER_QUEUE)
        self._listeners.add(queue)
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            self._listeners.discard(queue)

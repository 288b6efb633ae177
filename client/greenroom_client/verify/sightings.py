"""Transitions as they are told, with the moments at which they arrived here."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from greenroom_client.errors import ConnectionFailed, GreenroomClientError
from greenroom_client.residency import Event


@dataclass(frozen=True)
class Sighting:
    """One transition. `ended` is in seconds of this machine's monotonic clock."""

    event: Event
    ended: float

    @property
    def begun(self) -> float:
        """When it began, by its own seconds."""
        return self.ended - self.event["seconds"]


class Sightings:
    """The transitions of one model since the beginning."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._seen: list[Sighting] = []
        self._news = asyncio.Condition()
        self._broken: GreenroomClientError | None = None

    async def follow(self, events: AsyncIterator[Event]) -> None:
        """Take in events until cancelled."""
        try:
            async for event in events:
                if event["model"] == self._model:
                    await self._add(Sighting(event, time.monotonic()))
            self._broken = ConnectionFailed("the server closed the stream of events.")
        except GreenroomClientError as error:
            self._broken = error
        async with self._news:
            self._news.notify_all()

    async def first(self, action: str, since: float, within: float) -> Sighting | None:
        """The first transition of that kind that ended after `since`.

        None when there is none `within` seconds from now. Raises GreenroomClientError when
        the server tells no more.
        """
        try:
            async with asyncio.timeout(within), self._news:
                while (found := self._find(action, since)) is None:
                    if self._broken:
                        raise self._broken
                    await self._news.wait()
                return found
        except TimeoutError:
            return None

    async def _add(self, sighting: Sighting) -> None:
        async with self._news:
            self._seen.append(sighting)
            self._news.notify_all()

    def _find(self, action: str, since: float) -> Sighting | None:
        return next(
            (one for one in self._seen if one.event["action"] == action and one.ended > since),
            None,
        )

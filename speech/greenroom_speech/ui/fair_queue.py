"""Gradio's queue of events, in which no visitor takes all places, and none another's turn."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine, Iterable
from typing import Any

from gradio.queueing import Event, Queue

from greenroom_speech.ui.addresses import network

EVENT_BYTES = "greenroom_event_bytes"
"""Where the ASGI scope of a request has the memory that its event takes."""
_OF_FUNCTION, _OF_ADDRESS = 16, 8
"""Events of one function that run at one time; those of one address leave room for others."""
_RUNNING = 256
"""Of all functions: what they hold is bounded by their bytes."""
_WAITING = 64
_BYTES = 32 * 2**20
"""Of events that wait or run."""


class FairQueue(Queue):
    """Runs one event of each function of a tab (Gradio's session) at a time, and many tabs'.

    An address may fill half of it, and a tab a quarter.
    """

    def __init__(self, blocks: Any) -> None:
        super().__init__(
            live_updates=True,
            concurrency_count=_RUNNING,
            update_intervals=1,
            max_size=None,
            blocks=blocks,
            default_concurrency_limit=_OF_FUNCTION,
        )

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Refuse an event for which there is no room, else as Gradio does."""
        if full := self._full(body.session_hash, request):
            return False, full, "queue_full"
        return await super().push(body, request, username)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The next event that may run, of a function by chance."""
        jobs = [job[0] for job in self.active_jobs if job]
        queues = [one for one in self.event_queue_per_concurrency_id.items() if one[1].queue]
        for name, found in random.sample(queues, len(queues)):
            running = [event for event in jobs if event.concurrency_id == name]
            if len(running) >= _OF_FUNCTION:
                continue
            tabs = {event.session_hash for event in running}
            addresses = Counter(_address(event.request) for event in running)
            for event in found.queue:
                if event.session_hash in tabs or addresses[_address(event.request)] >= _OF_ADDRESS:
                    continue
                found.queue.remove(event)
                return [event], False, name
        return None

    def process_events(
        self, events: list[Event], *more: Any, **named: Any
    ) -> Coroutine[Any, Any, None]:
        """As Gradio does, but begun at once, and forgotten at its end whatever ends it.

        What is cancelled before it has begun counts as running for ever.
        """
        work = asyncio.create_task(super().process_events(events, *more, **named))
        work.add_done_callback(lambda _: self._forget(events))

        async def done() -> None:
            await work

        return done()

    def _forget(self, events: Iterable[Event]) -> None:
        for event in events:
            self.event_ids_to_events.pop(event._id, None)

    def _full(self, tab: str, request: Any) -> str | None:
        """Why there is no room for an event."""
        size, address = request.scope[EVENT_BYTES], _address(request)
        held = list(self.event_ids_to_events.values())
        queues = self.event_queue_per_concurrency_id.values()
        waits = {event._id for found in queues for event in found.queue}
        of_address = [event for event in held if _address(event.request) == address]
        of_tab = [event for event in held if event.session_hash == tab]
        for whose, events, share in (
            ("", held, 1),
            (" of this address", of_address, 2),
            (" of this tab", of_tab, 4),
        ):
            waiting = sum(event._id in waits for event in events)
            taken = sum(event.request.scope[EVENT_BYTES] for event in events)
            if waiting >= _WAITING // share or taken + size > _BYTES // share:
                return (
                    f"{waiting} events{whose} wait, and all of them take {taken} bytes; at most "
                    f"{_WAITING // share} and {_BYTES // share} are allowed. Try again later."
                )
        return None


def _address(request: Any) -> str:
    return network(request.client.host) if request.client else "unknown"

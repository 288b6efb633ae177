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
"""Of memory, of events that wait, run, or have answers that nobody has taken yet."""


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
        self._ended: Counter[tuple[str, str]] = Counter()
        """Bytes of events whose answers are kept, by tab and address."""

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
            self._ended[event.session_hash, _address(event.request)] += _size(event.request)

    def _full(self, tab: str, request: Any) -> str | None:
        """Why there is no room for an event."""
        answers = self.pending_messages_per_session
        for one in [one for one in self._ended if one[0] not in answers or answers[one[0]].empty()]:
            del self._ended[one]
        taken = self._ended.copy()
        for event in self.event_ids_to_events.values():
            taken[event.session_hash, _address(event.request)] += _size(event.request)
        queues = self.event_queue_per_concurrency_id.values()
        waiting = Counter(
            (event.session_hash, _address(event.request)) for one in queues for event in one.queue
        )
        address, size = _address(request), _size(request)
        for whose, share, theirs in (
            ("", 1, lambda of: True),
            (" of this address", 2, lambda of: of[1] == address),
            (" of this tab", 4, lambda of: of[0] == tab),
        ):
            number, held = (
                sum(count for of, count in counted.items() if theirs(of))
                for counted in (waiting, taken)
            )
            if number >= _WAITING // share or held + size > _BYTES // share:
                return (
                    f"{number} events{whose} wait, and all take {held} bytes; at most "
                    f"{_WAITING // share} and {_BYTES // share} may. Try again later."
                )
        return None


def _address(request: Any) -> str:
    return network(request.client.host) if request.client else "unknown"


def _size(request: Any) -> int:
    size: int = request.scope[EVENT_BYTES]
    return size

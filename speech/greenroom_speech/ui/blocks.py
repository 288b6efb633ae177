"""Gradio's Blocks, whose events take and give only files of who sent them.

Gradio itself checks paths only in an application that was launched; this one is mounted, and a
launched one would take any visitor's uploads from any other.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import gradio as gr

from greenroom_speech.ui.fair_queue import FairQueue
from greenroom_speech.ui.files import NotYours, VisitorsFiles, paths_in

VISITOR = "greenroom_visitor"
"""Where the ASGI scope of a request has its visitor."""
_MOST_SESSIONS = 500
"""Of tabs that are open or were; each takes a third of a megabyte. The oldest make room."""
_LONGEST_ERROR = 300
"""Characters: Gradio tells the value that is wrong, whatever its size."""
_visitor: ContextVar[str | None] = ContextVar("visitor", default=None)


class OwnFilesBlocks(gr.Blocks):
    """Every event goes through here, whatever route it came by."""

    def __init__(self, files: VisitorsFiles, **of_gradio: Any) -> None:
        super().__init__(**of_gradio)
        self._queue = FairQueue(self)
        self._own_files = files
        # Makes Gradio check as well.
        self.has_launched = True
        self.state_session_capacity = _MOST_SESSIONS
        self._oldest: dict[str, Any] = {}

    async def forget_untaken(self) -> None:
        """Forget the answers of sessions of which nobody has taken one since the last call.

        Gradio keeps them for who joins its queue and never listens.
        """
        queue = self._queue
        waiting = queue.pending_messages_per_session
        oldest = {name: found._queue[0] for name, found in waiting.items() if not found.empty()}
        for name, message in oldest.items():
            if self._oldest.get(name) is message:
                await queue.clean_events(session_hash=name)
                waiting.pop(name, None)
                queue.pending_event_ids_session.pop(name, None)
        self._oldest = oldest

    async def process_api(self, *given: Any, **named: Any) -> dict[str, Any]:
        """Remember whose event this is."""
        _visitor.set(_visitor_of(named.get("request")))
        answer: dict[str, Any] = await super().process_api(*given, **named)
        return answer

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> Any:
        """Refuse files of others before anything looks at them."""
        try:
            self._own_files.check(_visitor.get(), inputs)
        except NotYours as error:
            raise gr.Error(str(error), print_exception=False) from None
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            short = str(error.message)[:_LONGEST_ERROR]
            raise gr.Error(short, print_exception=False) from None

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Note the files that an event's answer hands out."""
        answer: list[Any] = await super().postprocess_data(block_fn, predictions, state)
        visitor = _visitor.get()
        if visitor is not None:
            self._own_files.give(visitor, (path for path in paths_in(answer) if path))
        return answer


def _visitor_of(request: Any) -> str | None:
    scope = getattr(getattr(request, "request", None), "scope", None)
    visitor = scope.get(VISITOR) if isinstance(scope, Mapping) else None
    return visitor if isinstance(visitor, str) else None

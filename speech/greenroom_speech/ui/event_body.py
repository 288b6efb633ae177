"""The body of an event: how large it may be, and the memory that its values take."""

import json
import sys

from starlette.types import Receive

from greenroom.errors import InvalidInput, TooLarge

EVENT_LENGTH = 2**20
"""Bytes of an event; recordings are uploaded."""
_EVENT_MEMORY = 8 * 2**20
"""Of an event; text that is not Latin takes more than its bytes."""
_SESSION = "session_hash"
_SESSION_CHARACTERS = 64
"""Gradio keeps the names of sessions for its statistics; the page's have eleven."""


async def whole_body(receive: Receive) -> bytes | None:
    """A body; None if its client has left."""
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def memory_of(event: bytes) -> int:
    """Bytes that its values take, where one odd character makes all of a text's take four.

    Raises InvalidInput, TooLarge.
    """
    try:
        fields = json.loads(event)
    except (ValueError, RecursionError):
        raise InvalidInput("The event is not JSON.") from None
    name = fields.get(_SESSION, "") if isinstance(fields, dict) else ""
    if name is not None and (not isinstance(name, str) or len(name) > _SESSION_CHARACTERS):
        raise InvalidInput(
            f"{_SESSION} must be a text of at most {_SESSION_CHARACTERS} characters."
        )
    taken, waiting = 0, [fields]
    while waiting:
        one = waiting.pop()
        taken += sys.getsizeof(one)
        if taken > _EVENT_MEMORY:
            raise TooLarge(f"The event takes more than {_EVENT_MEMORY} bytes of memory.")
        if isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return taken

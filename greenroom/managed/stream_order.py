"""The ``STREAM`` input of a stepped model, by which the gateway pulls an answer in pieces."""

import json
from dataclasses import dataclass

from greenroom.errors import InvalidInput

STREAM_INPUT = "STREAM"
STREAM_OUTPUT = "STREAM_REPORT"

ACTIONS = ("start", "next", "cancel")
_MAX_ID = 128
UNKNOWN_STREAM = "is unknown; it has ended"
"""How a model says that it does not know a stream."""


@dataclass(frozen=True)
class StreamOrder:
    """One parsed ``STREAM`` input."""

    action: str
    id: str
    whole: bool
    """All that is left comes as one piece, the last."""
    arrived: float | None = None
    """Unix time at which its request came to the gateway; None: now."""
    due: float | None = None
    """Unix time at which who takes it runs out of what earlier streams gave; None: it is first."""


def parse_order(raw: str) -> StreamOrder:
    """Read a ``STREAM`` input; InvalidInput says what is wrong with it."""
    try:
        fields = json.loads(raw)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput(f"STREAM is {raw[:80]!r}, which is not a JSON object.")
    action, name, whole = fields.get("action"), fields.get("id"), fields.get("whole", False)
    if action not in ACTIONS:
        raise InvalidInput(
            f"STREAM action is {action!r:.60}; it must be one of {', '.join(ACTIONS)}."
        )
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_ID:
        raise InvalidInput(f"STREAM id must be a string of 1 to {_MAX_ID} characters.")
    if not isinstance(whole, bool):
        raise InvalidInput(f"STREAM whole is {whole!r:.60}; it must be true or false.")
    arrived, due = fields.get("arrived"), fields.get("due")
    for field, seconds in (("arrived", arrived), ("due", due)):
        if seconds is not None and not isinstance(seconds, int | float):
            raise InvalidInput(f"STREAM {field} is {seconds!r:.60}; it must be unix seconds.")
    return StreamOrder(action, name, whole, arrived, due)


def stream_report(name: str, sequence: int, final: bool, seconds: float) -> str:
    """Pieces are counted from 1, sequence 0 is the start."""
    return json.dumps({"id": name, "sequence": sequence, "final": final, "seconds": seconds})

"""Server-sent events as OpenAI's API has them."""

import json
from typing import Any

MEDIA_TYPE = "text/event-stream"


def event(kind: str, **fields: Any) -> bytes:
    """One event; its type stands in both its lines, since clients read either."""
    data = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()

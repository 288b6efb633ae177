"""The id of a request, by which its answer, its log line and its client's log are one."""

import re
import uuid

HEADER = "x-request-id"
_KEPT = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")


def id_of(given: str | None) -> str:
    """The client's own if it is printable and short, else a new one."""
    return given if given and _KEPT.fullmatch(given) else uuid.uuid4().hex

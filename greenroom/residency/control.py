"""The control input of a managed model, and its report: the words both ends share."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict

RESIDENCY_INPUT = "RESIDENCY"
REPORT_OUTPUT = "RESIDENCY_REPORT"

OUT_OF_MEMORY = "out_of_memory"
"""The error code of what failed because memory was not to be had, on the device or the host."""
_CODED = re.compile(r"\[error_code: (\w+)\] ")


class Report(BaseModel):
    """What a model says of itself: measured bytes, its process and its state."""

    model_config = ConfigDict(frozen=True)

    residency: str
    device_bytes: int = 0
    device_overhead_bytes: int = 0
    host_bytes: int = 0
    seconds: float = 0.0
    pid: int | None = None
    engine: str = ""
    error: str | None = None
    error_code: str | None = None
    """What kind of error it is, for programs; None: no kind that anybody asks for."""


def control(action: str, expires: float, boot: str) -> dict[str, Any]:
    """The model ignores it when it runs after `expires`, seconds of the clock that `boot` names.

    A model on another machine, whose clock that is not, does it however late.
    """
    return {"action": action, "expires": expires, "boot": boot}


def coded(code: str, sentence: str) -> str:
    """Put an error's code before its sentence: a failed load has no report to carry it."""
    return f"[error_code: {code}] {sentence}"


def code_and_sentence(message: str) -> tuple[str | None, str]:
    """The code that a message carries, if any, and the message without it."""
    found = _CODED.search(message)
    return (found[1] if found else None), _CODED.sub("", message)

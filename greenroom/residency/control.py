"""The control input of a managed model, and its report: the words both ends share."""

from typing import Any

from pydantic import BaseModel, ConfigDict

RESIDENCY_INPUT = "RESIDENCY"
REPORT_OUTPUT = "RESIDENCY_REPORT"


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


def control(action: str, expires: float) -> dict[str, Any]:
    """Return the control object; the model ignores it when it runs after `expires` (unix)."""
    return {"action": action, "expires": expires}

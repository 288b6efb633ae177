"""How one transition went."""

from dataclasses import dataclass
from typing import Any

from greenroom.controller.events import Event
from greenroom.errors import GreenroomError
from greenroom.residency.states import Action, Residency


@dataclass(frozen=True)
class Ended:
    """How a transition went. `at` is UTC, `seconds` what it took, `bytes` on the device after."""

    action: Action
    seconds: float
    at: str
    bytes: int
    error: GreenroomError | None
    reported: Residency | None = None
    """After a failure: the state that the model itself tells of, if it still does."""

    @property
    def result(self) -> str:
        """The label `result` of the metrics."""
        return "failed" if self.error else "done"

    def brief(self) -> dict[str, Any]:
        """Return `last_transition` of GET /residency."""
        return {"action": self.action, "seconds": round(self.seconds, 4), "at": self.at}

    def event(self, model: str, came_from: Residency, to: Residency, reason: str) -> Event:
        """Return the event that tells of it."""
        return Event(
            model,
            self.action,
            came_from,
            to,
            self.seconds,
            self.bytes,
            reason,
            self.at,
            str(self.error) if self.error else None,
        )

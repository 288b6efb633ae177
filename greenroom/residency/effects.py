"""What the stage asks its caller to do: the only way a decision becomes an act."""

from dataclasses import dataclass

from greenroom.errors import GreenroomError
from greenroom.residency.model import ManualAction, Ticket
from greenroom.residency.states import Action

REQUEST = "request"
"""The reason of what is done because a request waits for it."""
HEAL = "heal"
"""The reason of what is done because a model's process is dead."""
EVICT = "evict"
"""The reason of what is done to make room for another model."""
READ_BACK = "read back"
"""The reason of what Triton was in the middle of when it was met."""


@dataclass(frozen=True)
class Begin:
    """Run this transition and report its end with ``Stage.finished``."""

    model: str
    action: Action
    reason: str

    @property
    def buries(self) -> bool:
        """It unloads a model whose process is dead, stopped or to be killed."""
        return self.action is Action.UNLOAD and self.reason == HEAL


@dataclass(frozen=True)
class Granted:
    """This ticket is now a lease; end it with ``Stage.release``."""

    ticket: Ticket


@dataclass(frozen=True)
class Refused:
    """This ticket is answered and forgotten."""

    ticket: Ticket
    error: GreenroomError


@dataclass(frozen=True)
class Answered:
    """This manual action is over, well if `error` is None."""

    manual: ManualAction
    error: GreenroomError | None = None


@dataclass(frozen=True)
class Measure:
    """Read the card's memory and hand it to ``Stage.budget.measured``: somebody waits for it."""


Effect = Begin | Granted | Refused | Answered | Measure

"""The states of a model and the one table of transitions between them.

=========  ============  ============  =======
action     from          while it runs to
=========  ============  ============  =======
load       cold          loading       hot
offload    hot           offloading    warm
restore    warm          restoring     hot
unload     warm or hot   unloading     cold
=========  ============  ============  =======

A failed transition returns to where it came from. There is no failed state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Residency(StrEnum):
    """Where a model's weights are, or what is being done about it."""

    COLD = "cold"
    LOADING = "loading"
    WARM = "warm"
    OFFLOADING = "offloading"
    RESTORING = "restoring"
    HOT = "hot"
    UNLOADING = "unloading"


class Action(StrEnum):
    """What changes a model's residency."""

    LOAD = "load"
    OFFLOAD = "offload"
    RESTORE = "restore"
    UNLOAD = "unload"


@dataclass(frozen=True)
class Transition:
    """One row of the table."""

    start: frozenset[Residency]
    during: Residency
    end: Residency


TRANSITIONS: Mapping[Action, Transition] = {
    Action.LOAD: Transition(frozenset({Residency.COLD}), Residency.LOADING, Residency.HOT),
    Action.OFFLOAD: Transition(frozenset({Residency.HOT}), Residency.OFFLOADING, Residency.WARM),
    Action.RESTORE: Transition(frozenset({Residency.WARM}), Residency.RESTORING, Residency.HOT),
    Action.UNLOAD: Transition(
        frozenset({Residency.WARM, Residency.HOT}), Residency.UNLOADING, Residency.COLD
    ),
}

MOVING = frozenset(row.during for row in TRANSITIONS.values())
"""States in which a transition is running."""

TAKES_AWAY = frozenset({Action.OFFLOAD, Action.UNLOAD})
"""Actions that must not happen under a lease."""


def way_to(target: Residency, here: Residency) -> Action | None:
    """From a resting state; None if there is no row."""
    for action, row in TRANSITIONS.items():
        if here in row.start and row.end is target:
            return action
    return None

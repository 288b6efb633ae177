"""The orders in which idle models make room: one function each, the lowest number goes first.

What an order says of a model may change only when the model is asked for, granted, released, or
moves: then it is asked again.
"""

from collections.abc import Callable, Mapping

from greenroom.residency.model import Model
from greenroom.residency.states import Action

Order = Callable[[Model], float]

_LEAST_SECONDS = 0.001
_COPY_RATE = 10e9
"""Bytes per second of a restore that was never measured: one large copy over PCIe."""


def least_recently_used(entry: Model) -> float:
    """Order by the end of the last lease."""
    return entry.demand.idle_since


def greedy_dual(entry: Model) -> float:
    """GreedyDual-Size-Frequency (Cherkasova 1998): what its return costs for each byte it frees.

    The cost is its last restore in seconds, or load where it cannot be restored, times the
    number of its requests. What is evicted raises the floor from which those that are asked for
    afterwards are counted, so that one that was asked for often long ago goes in the end.
    """
    back = Action.RESTORE if entry.controllable else Action.LOAD
    size = max(1, entry.memory.hot)
    # Where the return costs nothing, nothing else would tell them apart.
    seconds = max(entry.seconds.get(back, size / _COPY_RATE), _LEAST_SECONDS)
    return entry.demand.floor + entry.demand.uses * seconds / size


def furthest_next_use(next_use: Callable[[str], float]) -> Order:
    """Belady's order, which needs to know the future: when each model is asked for next."""
    return lambda entry: -next_use(entry.name)


ORDERS: Mapping[str, Order] = {"lru": least_recently_used, "gdsf": greedy_dual}
"""Those that a service can have, by their names in the settings."""

"""What becomes of a model whose process is dead or stopped, and how failures hold it back."""

from greenroom.residency.model import Model
from greenroom.residency.states import Residency

_FIRST = 1.0
LONGEST_BACK_OFF = 60.0
_ALIVE = frozenset({Residency.HOT, Residency.WARM, Residency.OFFLOADING, Residency.RESTORING})
_OFF_STAGE = frozenset({Residency.WARM, Residency.OFFLOADING})


def back_off(failures: int) -> float:
    """Seconds until the next attempt after so many failures in a row."""
    return min(_FIRST * 2.0 ** (failures - 1), LONGEST_BACK_OFF)


def note_broken(entry: Model, seen_at: float, now: float) -> bool:
    """Record that a model's process is dead or stopped; returns whether that is news.

    `seen_at` is a time at which the copy of the model that this is about was there. The model
    is unloaded and loaded again, at once. But one that keeps breaking though nobody asks for
    it heals more and more rarely, and one that was taken off stage by hand is loaded only
    when somebody asks.
    """
    if entry.residency not in _ALIVE or entry.failure.broken or seen_at < entry.came_at:
        return False
    entry.failure.broken = True
    entry.failure.comes_back = not (entry.by_hand and entry.residency in _OFF_STAGE)
    entry.failure.last_error = f"The process of model {entry.name} has died or was stopped."
    entry.failure.breaks = (
        entry.failure.breaks + 1 if entry.failure.broke_at_use == entry.demand.last_use else 0
    )
    entry.failure.broke_at_use = entry.demand.last_use
    entry.failure.retry_at = now + back_off(entry.failure.breaks) if entry.failure.breaks else now
    return True

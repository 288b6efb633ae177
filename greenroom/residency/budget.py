"""The GPU's memory as a budget: what is free, what is promised, what is about to be free.

Two bounds, each of them optional. The card: the free memory that somebody measured, less
a reserve. The configured bound: the sum of what the models hold, by their own reports.
Promised bytes count from the moment in which a load or a restore begins, so that no byte is
given away twice; for the card until a measurement can have seen them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from greenroom.residency.model import Model
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.states import TAKES_AWAY, Action, Residency

LOOK_EVERY = 0.1
"""Seconds between measurements while somebody waits for memory."""
_SEEN_WITHIN = 60.0
"""Seconds after which every new reading shows a change, however late readings are."""
COMES_BACK_WITHIN = 3.0
"""Seconds after which freed memory that is not back yet is not waited for any more."""


@dataclass(frozen=True)
class MemoryReading:
    """A measurement of the card, other programs' use included.

    ``at`` is when it was asked for; ``lag`` by how many seconds it may be older than that.
    """

    total_bytes: int
    used_bytes: int
    at: float
    lag: float = 0.0


@dataclass
class _Change:
    """Bytes that a transition brings to the GPU, or (negative) takes from it."""

    model: str
    bytes: int
    ended_at: float | None = None


class Budget:
    """Knows how much may be promised; every method only reads but those that say otherwise.

    ``bound`` is the configured number of bytes, 0 for none; ``card`` says whether readings of
    a card are to be had.
    """

    def __init__(self, bound: int = 0, reserve: int = 0, card: bool = False) -> None:
        self.bound = bound
        self.reserve = reserve
        self.card = card
        self.reading: MemoryReading | None = None
        self._ask_for_card = card
        self._index = ModelIndex()
        self._held: dict[str, int] = {}
        self._together = 0
        self._untold: set[str] = set()
        self.awaited = False
        """Whether somebody waits for memory."""
        self._changes: list[_Change] = []
        self._changed_at = 0.0

    def watch(self, index: ModelIndex) -> None:
        """Change what it counts: these models."""
        self._index = index

    def changed(self, entry: Model) -> None:
        """Count anew what a model holds: it has moved, or has said what it holds."""
        held = entry.memory.held if entry.residency is not Residency.COLD else 0
        self._together += held - self._held.get(entry.name, 0)
        self._held[entry.name] = held
        if _may_be_warm(entry):
            self._untold.add(entry.name)
        else:
            self._untold.discard(entry.name)

    # -- what happens -----------------------------------------------------------------------

    def begin(self, entry: Model, action: Action) -> None:
        """Count a transition that begins; `entry` is still in the state it comes from."""
        bytes_ = -self.frees(entry, action) if action in TAKES_AWAY else self._growth(entry)
        if self.limited and bytes_:
            self._changes.append(_Change(entry.name, bytes_))

    def end(self, model: str, now: float) -> None:
        """Count the end of a transition: from now on a reading can see it.

        What ended long ago is forgotten: any reading that will be trusted shows it.
        """
        for change in self._changes:
            if change.model == model and change.ended_at is None:
                change.ended_at = now
        lasts = _SEEN_WITHIN if self.card else 0.0
        self._changes = [c for c in self._changes if c.ended_at is None or now < c.ended_at + lasts]
        self._changed_at = now

    def forget(self) -> None:
        """Forget all that was promised: Triton is gone and every model with it."""
        self._changes.clear()
        self.card, self.reading = self._ask_for_card, None

    def measured(self, reading: MemoryReading | None) -> None:
        """Take a reading, None if there is no card to be read."""
        self.card = reading is not None
        self.reading = reading
        if reading is not None:
            self._changes = [c for c in self._changes if not _seen(c, reading)]

    # -- what is known ----------------------------------------------------------------------

    @property
    def limited(self) -> bool:
        return bool(self.bound) or self.card

    def needs_look(self, now: float) -> bool:
        """The card must be measured before anything can be promised."""
        if not self.card:
            return False
        at = self.reading.at if self.reading else None
        return at is None or at < self._changed_at or now - at >= LOOK_EVERY

    @property
    def look_at(self) -> float | None:
        """When the next measurement is due, if somebody waits for memory."""
        return self.reading.at + LOOK_EVERY if self.awaited and self.reading else None

    def need(self, entries: Collection[Model]) -> int:
        """Bytes that must be free before these models can be hot together.

        What ran out of memory at last needs more than was measured, if so much can be had.
        """
        missing = [entry for entry in entries if entry.residency not in _THERE_OR_COMING]
        growth = sum(self._growth(entry) for entry in missing)
        raised = sum(entry.memory.raised for entry in missing)
        if not growth or not raised or self.capacity is None:
            return growth
        spare = self.capacity - self.together(entry.name for entry in entries)
        return growth + min(raised, max(0, spare))

    def _growth(self, entry: Model) -> int:
        """A warm model's overhead is in use already; one that leaves needs what it takes."""
        if entry.steps or not self.limited:
            return 0
        leaving = _LEAVES_BY.get(entry.residency)
        stays = entry.memory.held - (self.frees(entry, leaving) if leaving else 0)
        return max(0, entry.memory.hot - stays)

    @staticmethod
    def frees(entry: Model, action: Action) -> int:
        """Bytes that an offload or an unload gives back."""
        return entry.memory.device if action is Action.OFFLOAD else entry.memory.held

    def short(self, need: int) -> int:
        """Bytes that are missing now, at most 0 if `need` may be promised."""
        return max((need - room for room in self._rooms(soon=False)), default=0)

    def short_soon(self, need: int) -> int:
        """Bytes that will be missing once what leaves has left."""
        return max((need - room for room in self._rooms(soon=True)), default=0)

    @property
    def over(self) -> int:
        """Bytes by which the models exceed the configured bound, less what leaves.

        Nothing is known of that before all that were found loaded have said what they hold.
        """
        if not self.bound:
            return 0
        room = self._bound_room(soon=True)
        return 0 if self._untold else -room

    @property
    def free(self) -> int:
        """Bytes that may be promised now."""
        return -self.short(0)

    @property
    def capacity(self) -> int | None:
        """The most that models can ever hold together, None if nothing bounds it."""
        bounds = [self.bound] if self.bound else []
        if self.reading:
            bounds.append(self.reading.total_bytes - self.reserve)
        return min(bounds, default=None)

    def together(self, needs: Iterable[str]) -> int:
        """Bytes that these models and those that never leave hold when all are hot."""
        models = self._index.models
        names = {*needs, *(name for name in self._index.pinned if models[name].stays)}
        return sum(models[name].memory.hot for name in names)

    def never(self, needs: Iterable[str]) -> bool:
        """There could never be memory for these models together."""
        capacity = self.capacity
        return capacity is not None and self.together(needs) > capacity

    def _rooms(self, soon: bool) -> list[int]:
        rooms = [self._bound_room(soon)] if self.bound else []
        if self.reading:
            counted = [c.bytes for c in self._changes if soon or c.bytes > 0]
            free = self.reading.total_bytes - self.reading.used_bytes - self.reserve
            rooms.append(free - sum(counted))
        return rooms

    def _bound_room(self, soon: bool) -> int:
        room = self.bound - self._together
        for change in self._changes:
            if change.ended_at is None and (soon or change.bytes > 0):
                room -= change.bytes
        return room


def _may_be_warm(entry: Model) -> bool:
    found = entry.residency in (Residency.HOT, Residency.WARM)
    return found and entry.controllable and not entry.memory.told


def _seen(change: _Change, reading: MemoryReading) -> bool:
    """The reading shows the change for sure, freed memory after some patience."""
    if change.ended_at is None:
        return False
    patience = COMES_BACK_WITHIN if change.bytes < 0 else 0.0
    return reading.at >= change.ended_at + reading.lag + patience


_THERE_OR_COMING = frozenset({Residency.HOT, Residency.LOADING, Residency.RESTORING})
_LEAVES_BY = {Residency.OFFLOADING: Action.OFFLOAD, Residency.UNLOADING: Action.UNLOAD}

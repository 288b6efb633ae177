"""Chooses which models make room: in the order that they come, no more than needed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from greenroom.residency.model import Model
from greenroom.residency.states import Action, Residency

Frees = Callable[[Model, Action], int]


@dataclass(frozen=True, slots=True)
class Eviction:
    """One model that makes room, and how."""

    entry: Model
    action: Action


def evictions(candidates: Iterable[Model], short: int, frees: Frees) -> list[Eviction] | None:
    """How `short` bytes become free, None if the candidates do not hold so many.

    Offloads come before unloads: a process that stays is back in the time of one copy. What
    a model leaves on the GPU when it is warm is freed last. What was loaded by hand is spared
    as long as others suffice, whatever has to be unloaded for it, and what is in use more so.
    """
    chosen: dict[str, Eviction] = {}
    freed = 0
    for eviction in _ways(candidates):
        if freed >= short:
            break
        more = frees(eviction.entry, eviction.action)
        if more > 0:
            before = chosen.get(eviction.entry.name)
            freed += more - (frees(before.entry, before.action) if before else 0)
            chosen[eviction.entry.name] = eviction
    if freed < short:
        return None
    for eviction in reversed(list(chosen.values())):
        spare = frees(eviction.entry, eviction.action)
        if freed - spare >= short:
            freed -= spare
            del chosen[eviction.entry.name]
    return list(chosen.values())


def _ways(candidates: Iterable[Model]) -> Iterator[Eviction]:
    """What can be done, the mildest first.

    The first offloads are chosen before the last candidates are looked at: mostly they suffice.
    """
    seen: list[Model] = []
    for entry in candidates:
        seen.append(entry)
        if not any(_spared(entry)) and _can_be_offloaded(entry):
            yield Eviction(entry, Action.OFFLOAD)
    spared = sorted(seen, key=_spared)
    for degree, group in groupby(spared, key=_spared):
        entries = list(group)
        for entry in filter(_can_be_offloaded, entries if any(degree) else ()):
            yield Eviction(entry, Action.OFFLOAD)
        for entry in entries:
            yield Eviction(entry, Action.UNLOAD)


def _can_be_offloaded(entry: Model) -> bool:
    return entry.residency is Residency.HOT and entry.controllable


def _spared(entry: Model) -> tuple[bool, bool]:
    return entry.demand.leases > 0, entry.by_hand

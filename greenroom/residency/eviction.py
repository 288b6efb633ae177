"""Chooses which models make room: least recently used first, no more than needed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from greenroom.residency.model import Model
from greenroom.residency.states import Action, Residency

Frees = Callable[[Model, Action], int]


@dataclass(frozen=True)
class Eviction:
    """One model that makes room, and how."""

    entry: Model
    action: Action


def least_recently_used(entries: Iterable[Model]) -> list[Model]:
    """The order in which models go, by the end of their last lease.

    A model that gives way already comes first of those that are in use, so that the choice
    does not change with every request for it.
    """
    # They come nearly sorted, so that this is one pass; steps of an ensemble end at one moment.
    return sorted(
        entries,
        key=lambda e: (e.memory.gives_way_to is None, e.demand.idle_since, e.demand.last_use),
    )


def evictions(candidates: Sequence[Model], short: int, frees: Frees) -> list[Eviction] | None:
    """How `short` bytes become free, None if the candidates do not hold so many.

    Offloads come before unloads: a process that stays is back in the time of one copy. What
    a model leaves on the GPU when it is warm is freed last. What was loaded by hand is spared
    as long as others suffice, whatever has to be unloaded for it, and what is in use more so.
    """
    chosen: dict[str, Eviction] = {}

    def freed() -> int:
        return sum(frees(eviction.entry, eviction.action) for eviction in chosen.values())

    for eviction in _ways(candidates):
        if freed() >= short:
            break
        if frees(eviction.entry, eviction.action) > 0:
            chosen[eviction.entry.name] = eviction
    if freed() < short:
        return None
    for eviction in reversed(list(chosen.values())):
        if freed() - frees(eviction.entry, eviction.action) >= short:
            del chosen[eviction.entry.name]
    return list(chosen.values())


def _ways(candidates: Sequence[Model]) -> Iterator[Eviction]:
    """What can be done, the mildest first."""
    spared = sorted(candidates, key=_spared)
    for _, group in groupby(spared, key=_spared):
        entries = list(group)
        for entry in entries:
            if entry.residency is Residency.HOT and entry.controllable:
                yield Eviction(entry, Action.OFFLOAD)
        for entry in entries:
            yield Eviction(entry, Action.UNLOAD)


def _spared(entry: Model) -> tuple[bool, bool]:
    return entry.demand.leases > 0, entry.by_hand

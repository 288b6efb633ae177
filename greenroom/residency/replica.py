"""What one replica of a fleet tells of its models, and what a request would cost there."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from greenroom.residency.states import Residency

IN_USE = 60.0
"""Seconds since its last request for which a model is in use: no second copy drives it away."""

_UNMEASURED_LOAD, _UNMEASURED_RESTORE, _UNMEASURED_REQUEST = 10.0, 1.0, 0.1
"""Seconds that are assumed until the first of a kind was measured."""
_LEAST = 0.001
"""Seconds: nothing that moves weights is free, so hot comes before warm and cold."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One model at one replica."""

    residency: Residency = Residency.COLD
    in_flight: int = 0
    """Requests that run or wait there."""
    held_bytes: int = 0
    """What it holds on the device now."""
    idle_seconds: float = 0.0
    """Since its last request ended, 0 while it has one."""
    stays: bool = False
    """It is pinned: nothing drives it away."""


@dataclass(frozen=True, slots=True)
class ReplicaReport:
    """A replica's last report; a model that it does not tell of is cold there."""

    models: Mapping[str, Standing] = field(default_factory=dict)
    free_bytes: int | None = None
    """What may be promised to models now; None: nothing bounds it."""

    def standing(self, model: str) -> Standing:
        return self.models.get(model, _ABSENT)


@dataclass(slots=True)
class MeasuredCosts:
    """What a model costs, as some replica has measured it last; None: nobody has yet."""

    load_seconds: float | None = None
    restore_seconds: float | None = None
    request_seconds: float | None = None
    """Between two answers of a replica that is busy with this model."""
    needed_bytes: int = 0
    """What it holds on the device when it is hot."""

    @property
    def request(self) -> float:
        return _UNMEASURED_REQUEST if self.request_seconds is None else self.request_seconds

    def to_hot(self, residency: Residency) -> float:
        """Seconds from here until it can run."""
        load = _or(self.load_seconds, _UNMEASURED_LOAD)
        restore = _or(self.restore_seconds, min(_UNMEASURED_RESTORE, load))
        return {
            Residency.HOT: 0.0,
            Residency.RESTORING: restore / 2,
            Residency.LOADING: load / 2,
            Residency.WARM: restore,
            Residency.OFFLOADING: restore,
        }.get(residency, load)


class Cost(NamedTuple):
    """Seconds that a request pays, or makes others pay, at one replica."""

    moving: float = 0.0
    """Until its models are hot."""
    queue: float = 0.0
    """Until those that came before are answered."""
    others: float = 0.0
    """What those pay that must make room: until they have finished, and are back."""
    displaces: bool = False
    """Something that is in use must make room."""
    again: float = 0.0
    """Of a copy that has been offloaded: what its return costs."""
    ahead: int = 0
    """Requests for these models that run or wait there."""
    beside: int = 0
    """Models that are there."""
    idle: float = 0.0
    """Since these models were last asked for there, 0 while they are."""

    @property
    def seconds(self) -> float:
        return self.moving + self.queue + self.others

    @property
    def avoidable(self) -> float:
        """What another copy would spare: the queue, and all that comes of sharing the memory."""
        return self.queue + (self.moving + self.others if self.others else 0.0)


class Known(dict[str, MeasuredCosts]):
    """What is measured of each model anywhere in the fleet."""

    def __missing__(self, model: str) -> MeasuredCosts:
        return self.setdefault(model, MeasuredCosts())


def cost(replica: ReplicaReport, needs: Sequence[str], known: Known, sent: int = 0) -> Cost:
    """Of a request for `needs` beside `sent` ones that the report does not tell of yet."""
    moving, again, queue, ahead, short = 0.0, 0.0, 0.0, 0, 0
    for model in needs:
        standing, measured = replica.standing(model), known[model]
        moving += measured.to_hot(standing.residency)
        again += measured.to_hot(Residency.WARM)
        before = standing.in_flight + sent
        ahead, queue = max(ahead, before), max(queue, before * measured.request)
        if standing.residency not in _THERE_OR_COMING:
            short += max(0, measured.needed_bytes - standing.held_bytes)
    short -= short if replica.free_bytes is None else max(0, replica.free_bytes)
    driven = list(make_room(replica.models, needs, short))
    others = sum(_comes_back(name, standing, known) for name, standing in driven)
    return Cost(
        moving,
        queue,
        max(others, _LEAST) if short > 0 else 0.0,
        any(standing.idle_seconds < IN_USE for _, standing in driven),
        again,
        ahead,
        len(replica.models),
        max((replica.standing(model).idle_seconds for model in needs), default=0.0),
    )


def make_room(
    models: Mapping[str, Standing], spared: Collection[str], short: int
) -> Iterator[tuple[str, Standing]]:
    """Those that would go for so many bytes, least recently used first; fewer if too few."""
    if short <= 0:
        return
    there = (
        (name, standing)
        for name, standing in models.items()
        if standing.held_bytes and not standing.stays and name not in spared
    )
    for name, standing in sorted(there, key=_stillness, reverse=True):
        yield name, standing
        short -= standing.held_bytes
        if short <= 0:
            return


def _stillness(entry: tuple[str, Standing]) -> tuple[bool, float]:
    return not entry[1].in_flight, entry[1].idle_seconds


def _comes_back(model: str, standing: Standing, known: Known) -> float:
    """The longer it is idle, the less likely it is that somebody pays for its return."""
    measured = known[model]
    likely = max(0.0, 1 - standing.idle_seconds / IN_USE)
    return standing.in_flight * measured.request + likely * measured.to_hot(Residency.WARM)


def _or(seconds: float | None, otherwise: float) -> float:
    return otherwise if seconds is None else max(seconds, _LEAST)


_ABSENT = Standing()
_THERE_OR_COMING = frozenset({Residency.HOT, Residency.LOADING, Residency.RESTORING})

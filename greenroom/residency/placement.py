"""Where in a fleet a request is best sent: to the replica at which its models cost least.

A hot replica comes before a warm one, that before a cold one with room, and last is one where
others must make room; what runs and waits there counts beside it, so that a busy hot replica
loses to an idle warm one when waiting costs more than the restore. All in seconds that replicas
have measured. Second copies of a busy model are the business of `copies.py`.

Used by the router of a fleet, of which every proxy has one of its own, and by the simulation.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nsmallest

from greenroom.residency.copies import Copies
from greenroom.residency.replica import (
    Cost,
    Known,
    MeasuredCosts,
    ReplicaReport,
    Standing,
    cost,
    make_room,
)
from greenroom.residency.states import Residency

REMEMBERED = 30.0
"""Seconds after which a choice is forgotten even if its replica has told nothing since.

Long, because reports come late just when a fleet is busy loading."""
ARRIVES_WITHIN = 1.0
"""Seconds until a request that was sent has come to the models, and a report shows it."""
_CONSIDERED = 16
"""Replicas of each kind that are looked at for one request: having it, roomy, still."""
_SORTED_FOR = 0.25
"""Seconds for which the order of the roomy replicas is used again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One replica for a request, and what it costs there."""

    replica: str
    cost: Cost


@dataclass(slots=True, eq=False)
class Sent:
    """A request that the replica's reports may not tell of yet."""

    needs: tuple[str, ...]
    at: float
    reports: int
    """How many the replica had made by then: the one under way may be older than the choice."""
    answered: bool | None = None
    """To be set to False, and to True when it is: it waits no more, but has brought its models
    there. None: nobody will say."""
    told: bool = False
    """The reports count it by now."""


class Placement:
    """Ranks the replicas of a fleet by their last reports and by its own choices since."""

    def __init__(self) -> None:
        self.known = Known()
        self._replicas: dict[str, ReplicaReport] = {}
        self._reports: dict[str, int] = {}
        self._having: dict[str, dict[str, None]] = defaultdict(dict)
        self._sent: dict[str, list[Sent]] = defaultdict(list)
        self._copies: dict[tuple[str, ...], Copies] = defaultdict(Copies)
        self._roomy: list[str] = []
        self._sorted_at = float("-inf")

    # -- what happens -----------------------------------------------------------------------

    def reported(
        self,
        name: str,
        replica: ReplicaReport,
        measured: Mapping[str, MeasuredCosts],
        at: float | None = None,
    ) -> None:
        """Take a replica's report, and what it has measured itself of models.

        `at` is when it was made, by the clock of `now`: reports of a busy fleet come seconds late.
        Without it the second report after a choice is taken for newer.
        """
        before = self._replicas.get(name)
        for model, told in measured.items():
            self._learn(self.known[model], told)
        if before is None:
            self._sorted_at = float("-inf")
        self._replicas[name] = replica
        count = self._reports[name] = self._reports.get(name, 0) + 1
        for sent in self._sent[name]:
            sent.told |= count - sent.reports >= 2 if at is None else at >= sent.at + ARRIVES_WITHIN
        # What has no answer yet brings its models, even if it has not got through to them.
        # Of one that is remembered for so long the report itself tells, or its client has left.
        since = float("-inf") if at is None else at - REMEMBERED
        left = [s for s in self._sent[name] if not s.told or (s.answered is False and s.at > since)]
        coming = {model for sent in left for model in sent.needs}
        # A request that was refused has brought nothing: a report does not name what is cold.
        thought = {model for sent in self._sent[name] for model in sent.needs}
        for model in thought.union(replica.models, before.models if before else ()):
            if model in coming or replica.standing(model).residency not in _AWAY:
                self._having[model].setdefault(name)
            else:
                self._having[model].pop(name, None)
        self._sent[name] = left

    def left(self, name: str) -> None:
        """Forget a replica that is no more."""
        replica = self._replicas.pop(name, None)
        for model in replica.models if replica else ():
            self._having[model].pop(name, None)
        for sent in self._sent.pop(name, []):
            for model in sent.needs:
                self._having[model].pop(name, None)
        self._reports.pop(name, None)
        self._sorted_at = float("-inf")

    def send(self, name: str, needs: Sequence[str], now: float) -> Sent:
        """Remember that a request was sent there, until newer reports tell of it."""
        sent = Sent(tuple(needs), now, self._reports.get(name, 0))
        self._sent[name].append(sent)
        for model in needs:
            self._having[model].setdefault(name)
        return sent

    # -- what is decided --------------------------------------------------------------------

    def rank(self, needs: Sequence[str], now: float) -> list[Choice]:
        """The replicas for a request that arrives now, the best first; [] if there are none.

        Some of a large fleet, never all. Counts the request for second copies: ask once for each.
        """
        key = tuple(needs)
        having = self._costs(self._those_that_have(key), key, now)
        others = self._costs(self._without(key, having, now), key, now)
        return [Choice(name, price) for name, price in self._copies[key].order(having, others, now)]

    @property
    def replicas(self) -> Mapping[str, ReplicaReport]:
        return self._replicas

    def having(self, model: str) -> Sequence[str]:
        """Replicas at which it is not cold, or to which a request for it was just sent."""
        return list(self._having[model])

    def _those_that_have(self, needs: Sequence[str]) -> list[str]:
        """A copy counts where the model with the fewest copies is: the others follow it."""
        rarest = min((self._having[model] for model in needs), key=len, default={})
        there = [name for name in rarest if name in self._replicas]
        if len(there) <= _CONSIDERED:
            return there
        return nsmallest(_CONSIDERED, there, key=lambda name: self._load(name, needs))

    def _without(self, needs: Sequence[str], having: Mapping[str, Cost], now: float) -> list[str]:
        if now - self._sorted_at >= _SORTED_FOR:
            self._roomy = sorted(self._replicas, key=self._room)
            self._sorted_at = now
        found = (name for name in self._roomy if name not in having)
        return [name for name, _ in zip(found, range(_CONSIDERED), strict=False)]

    def _room(self, name: str) -> tuple[float, float, int, str]:
        """The most free memory first, then the longest still, then the fewest models.

        Then by name, that all routers look at the same ones.
        """
        replica = self._replicas[name]
        free = float("inf") if replica.free_bytes is None else replica.free_bytes
        still = max((s.idle_seconds for s in replica.models.values() if s.held_bytes), default=0.0)
        return -free, -still, len(replica.models) + len(self._sent[name]), name

    def _load(self, name: str, needs: Sequence[str]) -> int:
        replica = self._replicas[name]
        return sum(replica.standing(model).in_flight for model in needs) + len(self._sent[name])

    def _costs(self, names: Iterable[str], needs: tuple[str, ...], now: float) -> dict[str, Cost]:
        """In an order that is another for other models, but the same in every router.

        So of replicas that are alike all routers take the same one, though none knows what the
        others choose.
        """
        drawn = blake2b("\0".join(needs).encode(), digest_size=8)

        def place(name: str) -> bytes:
            one = drawn.copy()
            one.update(b"\0" + name.encode())
            return one.digest()

        return {name: self._cost(name, needs, now) for name in sorted(names, key=place)}

    def _cost(self, name: str, needs: tuple[str, ...], now: float) -> Cost:
        replica, recent = self._replicas[name], self._recent(name, now)
        if not recent:
            return cost(replica, needs, self.known)
        new = (sent for sent in recent if not (sent.answered or sent.told))
        same = sum(not set(needs).isdisjoint(sent.needs) for sent in new)
        return cost(self._as_it_will_be(replica, recent), needs, self.known, same)

    def _recent(self, name: str, now: float) -> list[Sent]:
        return [one for one in self._sent[name] if now - one.at <= REMEMBERED]

    def _as_it_will_be(self, replica: ReplicaReport, recent: list[Sent]) -> ReplicaReport:
        """What was sent there brings its models, and takes their memory."""
        models, free = dict(replica.models), replica.free_bytes
        coming = dict.fromkeys(model for sent in recent for model in sent.needs)
        for model in coming:
            standing, measured = replica.standing(model), self.known[model]
            residency = _COMING.get(standing.residency, standing.residency)
            needed = max(standing.held_bytes, measured.needed_bytes)
            if free is not None:
                free -= needed - standing.held_bytes
            models[model] = Standing(residency, standing.in_flight, needed, 0.0, standing.stays)
        for model, standing in list(make_room(models, coming, -(free or 0))):
            models[model] = Standing(Residency.OFFLOADING, standing.in_flight)
        return ReplicaReport(models, free)

    @staticmethod
    def _learn(known: MeasuredCosts, told: MeasuredCosts) -> None:
        for field in ("load_seconds", "restore_seconds", "request_seconds"):
            if (seconds := getattr(told, field)) is not None:
                setattr(known, field, seconds)
        known.needed_bytes = told.needed_bytes or known.needed_bytes


_AWAY = frozenset({Residency.COLD, Residency.UNLOADING})
_COMING = {
    Residency.COLD: Residency.LOADING,
    Residency.UNLOADING: Residency.LOADING,
    Residency.WARM: Residency.RESTORING,
    Residency.OFFLOADING: Residency.RESTORING,
}

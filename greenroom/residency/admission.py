"""Gives memory to those who want models hot, in their order, and makes room for them.

What becomes of one claim::

    enough is free ------------------------------------> its models begin
    enough will be, once what leaves has left ---------> its bytes are set aside
    idle models hold enough ---------------------------> they are evicted, its bytes set aside
    models in use hold enough, it has waited too long -> they give way, its bytes are set aside
    otherwise -----------------------------------------> it waits, later claims may go first
    there would not be enough without the others ------> it is refused

What is set aside is out of reach of later claims, so that an earlier one is not overtaken for
ever. All models of a claim get their memory together: no two wait for each other's half.
"""

from collections.abc import Iterator, Sequence

from greenroom.errors import DoesNotFit, WaitedTooLong
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Claim, Denied
from greenroom.residency.effects import EVICT, Begin, Measure
from greenroom.residency.eviction import evictions
from greenroom.residency.messages import does_not_fit, no_room
from greenroom.residency.model import ManualAction, Model
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.states import Residency, way_to

_NOT_LOADED = frozenset({Residency.COLD, Residency.LOADING, Residency.UNLOADING})

_Steps = Iterator[Begin | Denied | Measure]


class Admission:
    """One pass over all claims at one moment; whoever iterates carries out what it yields."""

    def __init__(self, index: ModelIndex, budget: Budget, patience: float, now: float) -> None:
        self._index = index
        self._models = index.models
        self._budget = budget
        self._patience = patience
        self._now = now
        self._set_aside = 0
        self._kept: set[str] = set()
        self._gives_way: dict[str, float] = {}
        self._short_of_memory: set[str] = set()
        budget.awaited = False

    def of(self, claim: Claim) -> _Steps:
        """What begins for a claim, what is evicted for it, or that it is denied."""
        entries = [self._models[name] for name in claim.needs]
        need = self._budget.need(entries)
        held_back = any(self._backs_off(claim, entry) for entry in entries)
        if need and self._budget.never(claim.needs):
            sentence = does_not_fit(claim.model, claim.needs, self._models, self._budget)
            yield Denied(claim, DoesNotFit(sentence))
        elif not need or (self._budget.short(self._set_aside + need) <= 0 and not self._blind):
            yield from self._begin(claim, entries)
            if not held_back:
                self._keep(claim, self._budget.need(entries))
        elif not held_back:
            yield from self._wait(claim, entries, need)

    def end(self) -> _Steps:
        """What else is to be done once all claims were looked at."""
        marked = {*self._gives_way, *self._short_of_memory}
        for name in self._index.marked | marked:
            self._models[name].memory.gives_way_to = self._gives_way.get(name)
            self._models[name].memory.awaits_memory = name in self._short_of_memory
        self._index.marked = marked
        if self._budget.awaited and self._blind:
            yield Measure()
        if self._budget.over > 0:
            yield from self._evict(self._budget.over, ())

    def _wait(self, claim: Claim, entries: Sequence[Model], need: int) -> _Steps:
        self._budget.awaited = True
        self._short_of_memory.update(e.name for e in entries if self._budget.need((e,)))
        if self._blind:
            self._keep(claim, need)
            return
        if isinstance(claim.asker, ManualAction) and self._now >= claim.asker.deadline:
            seconds = self._now - claim.asker.asked_at
            sentence = no_room(claim.model, entries, self._models, self._budget)
            yield Denied(claim, WaitedTooLong(f"After {seconds:.1f} s: {sentence}"))
            return
        short = self._budget.short_soon(self._set_aside + need)
        yield from self._make_room(claim, need, short)

    def _make_room(self, claim: Claim, need: int, short: int) -> _Steps:
        if short <= 0:
            self._keep(claim, need)
        elif evicted := list(self._evict(short, claim.needs)):
            yield from evicted
            self._keep(claim, need)
        elif self._now - claim.asked_at < self._patience:
            self._keep(claim, 0)
        elif (drained := evictions(self._all(claim.needs), short, self._budget.frees)) is not None:
            for name in (e.entry.name for e in drained if e.entry.demand.leases):
                self._gives_way.setdefault(name, claim.order)
            self._keep(claim, need)
        else:
            for name in claim.needs:
                self._models[name].memory.raised = 0  # more than was measured is not to be had

    def _evict(self, short: int, needs: Sequence[str]) -> Iterator[Begin]:
        for eviction in evictions(self._unused(needs), short, self._budget.frees) or ():
            yield Begin(eviction.entry.name, eviction.action, EVICT)

    def _keep(self, claim: Claim, need: int) -> None:
        """Keep bytes and models out of reach of later claims."""
        self._set_aside += need
        self._kept.update(claim.needs)

    def _begin(self, claim: Claim, entries: Sequence[Model]) -> Iterator[Begin]:
        for entry in entries:
            rests = not (entry.moving or entry.failure.broken)
            action = way_to(Residency.HOT, entry.residency) if rests else None
            if action and self._steps_loaded(entry) and not self._backs_off(claim, entry):
                yield Begin(entry.name, action, claim.reason(entry))

    def _backs_off(self, claim: Claim, entry: Model) -> bool:
        """A failure is too recent to try again; who asks by hand does not wait."""
        by_hand = isinstance(claim.asker, ManualAction) and claim.asker.model == entry.name
        missing = entry.residency is not Residency.HOT
        return missing and self._now < entry.failure.retry_at and not by_hand

    def _steps_loaded(self, entry: Model) -> bool:
        """Loading an ensemble would make Triton load its missing steps by itself."""
        return all(self._models[step].residency not in _NOT_LOADED for step in entry.steps)

    def _unused(self, needs: Sequence[str]) -> Iterator[Model]:
        """Idle models that may make room for others than those that `needs` names."""
        kept = self._kept.union(needs, self._index.steps_of_loading())
        for entry in self._index.by_eviction():
            if entry.name not in kept and self._may_go(entry):
                yield entry

    def _all(self, needs: Sequence[str]) -> Iterator[Model]:
        """The same, and then those in use that could give way."""
        yield from self._unused(needs)
        kept = self._kept.union(needs, self._index.steps_of_loading())
        for entry in self._index.in_use():
            if entry.name not in kept and self._may_go(entry):
                yield entry

    def _may_go(self, entry: Model) -> bool:
        held_back = entry.moving or entry.failure.broken or entry.stays or entry.steps
        return not held_back and self._now >= entry.failure.retry_at

    @property
    def _blind(self) -> bool:
        """Nothing can be promised before the card was measured."""
        return self._budget.needs_look(self._now)

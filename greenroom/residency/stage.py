"""The stage: all models, who waits for them, and what should happen next.

The flow of one request::

    ask --(all hot)--> granted ------------------------------> release
     |                    ^                                       |
     +--> waiting --------+--- decide() begins loads, restores    +--> idle clock starts
              |
              +--> leave (client gone)  or  refused (deadline, failed load)

Every method is synchronous and takes the time as an argument. ``decide`` is the only place
where a transition begins; it returns effects, and its caller reports back with ``finished``.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from itertools import takewhile

from greenroom.errors import (
    DoesNotFit,
    GreenroomError,
    QueueFull,
    ServerDown,
    WaitedTooLong,
)
from greenroom.residency.backoff import note_broken
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Denied
from greenroom.residency.control import Report
from greenroom.residency.effects import Answered, Begin, Effect, Granted, Refused
from greenroom.residency.eviction_order import Order, least_recently_used
from greenroom.residency.manual_actions import pending_action, settled_actions
from greenroom.residency.messages import (
    does_not_fit,
    no_room,
    not_in_time,
    queue_full,
    share_full,
)
from greenroom.residency.model import ManualAction, Model, Ticket, coldest
from greenroom.residency.model_index import ModelIndex
from greenroom.residency.next_step import NextStep
from greenroom.residency.policy import Policy
from greenroom.residency.running import Running
from greenroom.residency.states import Action, Residency
from greenroom.residency.wait_queue import WaitQueue

_RULES = frozenset({"pinned", "offload_after", "unload_after"})


class Stage:
    """Owns every model's state. Not thread-safe: one event loop calls it.

    ``patience``: seconds for which a request that waits for the memory of models in use may be
    overtaken by requests for them. ``key_share``: the part of a model's places of waiting
    requests that one API key may take. ``order``: in which idle models make room.
    """

    def __init__(
        self,
        models: Iterable[Model],
        budget: Budget | None = None,
        patience: float = math.inf,
        key_share: float = 1.0,
        order: Order = least_recently_used,
    ) -> None:
        self._index = ModelIndex(order)
        self.models = self._index.models
        """To be read; `add` adds."""
        self.up = False
        """Whether Triton can be asked; while it cannot, nothing begins and requests wait."""
        self._waiting = WaitQueue(self._index)
        self.budget = budget or Budget()
        self.budget.watch(self._index)
        self._patience = patience
        self._key_share = key_share
        self._next_step = NextStep(self._index, self._waiting, self.budget, patience)
        self._running = Running(self._index, self._waiting, self.budget)
        self._order = 0
        for model in models:
            self.add(model)

    def add(self, entry: Model) -> None:
        """Add a model, or take note that one of them was configured anew."""
        self._index.add(entry)
        self.budget.changed(entry)

    # -- requests ---------------------------------------------------------------------------

    def ask(self, model: str, now: float, place: int | None = None, key: str = "") -> Ticket:
        """Ask for a lease on `model` and its steps; granted at once if all of them are hot.

        With the `place` of an earlier lease the request goes before all that asked later, and no
        queue is too full for it.
        Raises QueueFull when one of them already has as many waiting as its policy allows, or as
        many of this API key as are its share.
        """
        needs = (*self.models[model].steps, model)
        models = [self.models[name] for name in needs]
        order = self._next_order()
        wait = max(entry.policy.max_wait for entry in models)
        ticket = Ticket(model, needs, now, now + wait, coldest(models), place or order, key)
        serves = self._serves(ticket)
        for entry in () if serves or place is not None else models:
            self._check_room(entry, key)
        for entry in models:
            self._index.requested(entry, order)
        if serves:
            self._grant(ticket, now)
        else:
            self._waiting.add(ticket)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. A load that runs for it goes on."""
        self._waiting.remove(ticket)

    def release(self, ticket: Ticket, now: float) -> None:
        """End a lease; the idle clock of what nobody else uses starts."""
        for name in ticket.needs:
            entry = self.models[name]
            entry.demand.leases -= 1
            self._index.idle_from(entry, now)

    # -- manual actions ---------------------------------------------------------------------

    def act_by_hand(self, model: str, action: Action, now: float) -> ManualAction:
        """Ask for a manual action; joins one of the same kind that is not yet fulfilled.

        Raises Conflict when the model cannot do it at all, ServerDown while Triton is away.
        """
        entry = self.models[model]
        if (pending := pending_action(entry, action)) is not None:
            return pending
        if not self.up:
            raise ServerDown(f"Triton does not answer, so model {model} cannot {action}.")
        manual = ManualAction(model, action, self._next_order(), now, now + entry.policy.max_wait)
        entry.demand.manual_actions.append(manual)
        self._index.changed(entry)
        return manual

    # -- what happened outside --------------------------------------------------------------

    def finished(
        self,
        begun: Begin,
        now: float,
        error: GreenroomError | None = None,
        reported: Residency | None = None,
    ) -> list[Effect]:
        """Record the end of a transition; see `Running.finished`."""
        return self._running.finished(begun, now, error, reported)

    def server_lost(self) -> list[Effect]:
        """Triton is gone and every model with it. Requests wait for it, manual actions fail."""
        self.up = False
        return self._running.server_lost()

    def server_back(self, states: Mapping[str, Residency], now: float) -> list[Effect]:
        """Triton can be asked again; see `Running.server_back`."""
        self.up = True
        return self._running.server_back(states, now)

    def broke(self, model: str, seen_at: float, now: float) -> bool:
        """Record that a model's process is dead or stopped; returns whether that is news.

        See `note_broken`. Whoever waits for the model goes on waiting.
        """
        entry = self.models[model]
        news = self.up and note_broken(entry, seen_at, now)
        self._index.changed(entry)
        return news

    def observed(self, model: str, residency: Residency) -> None:
        """Correct hot to warm, or back, from a model's own report.

        Under a lease a report says nothing: a warm model restores itself for its next request.
        """
        entry = self.models[model]
        rests = entry.residency in (Residency.HOT, Residency.WARM) and not entry.failure.broken
        if rests and not entry.demand.leases and entry.residency is not residency:
            entry.residency = residency
            entry.memory.expect(residency)
            self._running.moved(entry)

    def reported(self, model: str, report: Report) -> None:
        """Take the bytes that a model's report tells of."""
        entry = self.models[model]
        if entry.residency is not Residency.COLD:
            entry.memory.reported(report)
            self._running.moved(entry)

    # -- policy -----------------------------------------------------------------------------

    def change_policy(self, model: str, policy: Policy, given: Collection[str]) -> None:
        """Set a model's policy, of which the fields in `given` were asked for.

        If they say when the model goes or stays, then what was done by hand holds no more.
        Raises DoesNotFit when a model that is to be pinned can never have its memory.
        """
        entry = self.models[model]
        if policy.pinned and not entry.policy.pinned and self.budget.never((*entry.steps, model)):
            needs = (*entry.steps, model)
            raise DoesNotFit(does_not_fit(model, needs, self.models, self.budget))
        if not _RULES.isdisjoint(given):
            entry.demand.last_manual = 0
        entry.policy = policy
        self._index.changed(entry)

    # -- decisions --------------------------------------------------------------------------

    def decide(self, now: float) -> Iterator[Effect]:
        """What to do now: who is answered, which transitions begin.

        Whoever iterates carries each effect out before taking the next, so that what is decided
        is done even where the next decision fails.
        """
        yield from self._refuse_late(now)
        if not self.up:
            return
        if self._index.with_actions:
            for entry in self._index.ordered(self._index.with_actions):
                yield from settled_actions(entry)
                self._index.changed(entry)
        touched, self._index.touched = self._index.touched, set()
        try:
            yield from self._decided(now, touched)
        except BaseException:
            self._index.touched |= touched
            raise

    def _decided(self, now: float, touched: Set[str]) -> Iterator[Effect]:
        begun = denied = False
        gave_way = bool(self._index.marked)
        yield from self._grant_waiting(now, None if gave_way else touched)
        for step in self._next_step.all(now, touched):
            if isinstance(step, Denied):
                for effect in self._deny(step):
                    denied = True
                    yield effect
                continue
            if isinstance(step, Begin):
                self._running.begin(step, now)
            begun = True
            yield step
        if gave_way or self._index.marked:
            yield from self._grant_waiting(now, None)
        elif begun:
            yield from self._grant_waiting(now, self._index.touched)
        if denied:
            yield from self.decide(now)

    def next_due(self, now: float) -> float | None:
        """The time of the next decision that nobody will ask for, None if none.

        What is due already and was not done by ``decide`` waits for an event, not for time.
        """
        return self._next_step.due(now)

    def by_eviction(self) -> Iterator[Model]:
        """Models that nobody holds and that hold memory, in the order in which they make room."""
        return self._index.by_eviction()

    def _deny(self, denied: Denied) -> Iterator[Effect]:
        claim, error = denied.claim, denied.error
        match claim.asker:
            case Ticket():
                for ticket in self._waiting.alike(claim.needs):
                    self._waiting.remove(ticket)
                    yield Refused(ticket, error)
            case ManualAction():
                self.models[claim.model].demand.manual_actions.remove(claim.asker)
                self._index.changed(self.models[claim.model])
                yield Answered(claim.asker, error)
            case None:
                self.models[claim.model].failure.last_error = str(error)

    def _grant_waiting(self, now: float, touched: Set[str] | None) -> Iterator[Effect]:
        """Grant what those who need one of the models, or any, may have by now."""
        served: list[Ticket] = []
        for line in self._waiting.lines(touched):
            served += takewhile(self._serves, line)
        for ticket in sorted(served, key=lambda ticket: ticket.order):
            self._waiting.remove(ticket)
            self._grant(ticket, now)
            yield Granted(ticket)

    def _check_room(self, entry: Model, key: str) -> None:
        most = entry.policy.max_waiting
        if entry.demand.waiting >= most:
            raise QueueFull(queue_full(entry))
        share = max(1, int(most * self._key_share))
        if key and self._waiting.of_key(entry.name, key) >= share:
            raise QueueFull(share_full(entry, share))

    def _serves(self, ticket: Ticket) -> bool:
        if not self.up:
            return False
        for name in ticket.needs:  # noqa: SIM110 it is asked for at each event
            if not self.models[name].serves(ticket):
                return False
        return True

    def _refuse_late(self, now: float) -> Iterator[Effect]:
        for ticket in self._waiting.late(now):
            self._waiting.remove(ticket)
            yield Refused(ticket, WaitedTooLong(self._why_late(ticket, now)))

    def _why_late(self, ticket: Ticket, now: float) -> str:
        seconds = now - ticket.asked_at
        if not self.up:
            return f"Triton does not answer after {seconds:.1f} s of waiting."
        entries = [self.models[name] for name in ticket.needs]
        missing = [entry for entry in entries if not entry.serves(ticket)]
        memory = ""
        if self.budget.short(self.budget.need(entries)) > 0:
            memory = f" {no_room(ticket.model, entries, self.models, self.budget)}"
        return not_in_time(ticket.model, missing, seconds, memory)

    def _grant(self, ticket: Ticket, now: float) -> None:
        ticket.granted_at = now
        for name in ticket.needs:
            self.models[name].demand.leases += 1
            self._index.used(name)

    def _next_order(self) -> int:
        self._order += 1
        return self._order

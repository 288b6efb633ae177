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
from collections.abc import Collection, Iterable, Iterator, Mapping

from greenroom.errors import (
    DoesNotFit,
    GreenroomError,
    QueueFull,
    ServerDown,
    TransitionFailed,
    WaitedTooLong,
)
from greenroom.residency.backoff import back_off, note_broken
from greenroom.residency.budget import Budget
from greenroom.residency.claims import Denied
from greenroom.residency.control import Report
from greenroom.residency.deadlines import due_times
from greenroom.residency.effects import READ_BACK, Answered, Begin, Effect, Granted, Refused
from greenroom.residency.footprint import lacks_memory
from greenroom.residency.manual_actions import failed_verbs, pending_verb, settled_verbs
from greenroom.residency.messages import (
    does_not_fit,
    no_room,
    not_in_time,
    queue_full,
)
from greenroom.residency.model import Model, Ticket, Verb, coldest
from greenroom.residency.next_step import NextStep
from greenroom.residency.policy import Policy
from greenroom.residency.states import TAKES_AWAY, TRANSITIONS, Action, Residency
from greenroom.residency.wait_queue import Waiting

_RULES = frozenset({"pinned", "offload_after", "unload_after"})
_BECOMES_HOT = frozenset({Residency.LOADING, Residency.RESTORING, Residency.HOT})


class Stage:
    """Owns every model's state. Not thread-safe: one event loop calls it.

    ``patience``: seconds for which a request that waits for the memory of models in use may be
    overtaken by requests for them.
    """

    def __init__(
        self,
        models: Iterable[Model],
        budget: Budget | None = None,
        patience: float = math.inf,
    ) -> None:
        self.models: dict[str, Model] = {model.name: model for model in models}
        self.up = False
        """Whether Triton can be asked; while it can not, nothing begins and requests wait."""
        self._waiting = Waiting(self.models)
        self.budget = budget or Budget()
        self.budget.watch(self.models)
        self._patience = patience
        self._next_step = NextStep(self.models, self._waiting, self.budget, patience)
        self._running: dict[str, Begin] = {}
        self._order = 0

    # -- requests ---------------------------------------------------------------------------

    def ask(self, model: str, now: float) -> Ticket:
        """Ask for a lease on `model` and its steps; granted at once if all of them are hot.

        Raises QueueFull when one of them already has as many waiting as its policy allows.
        """
        needs = (*self.models[model].steps, model)
        models = [self.models[name] for name in needs]
        wait = max(entry.policy.max_wait for entry in models)
        ticket = Ticket(model, needs, now, now + wait, coldest(models), self._next_order())
        if self._serves(ticket):
            self._grant(ticket, now)
        else:
            for entry in models:
                if entry.waiting >= entry.policy.max_waiting:
                    raise QueueFull(queue_full(entry))
            self._waiting.add(ticket)
        for entry in models:
            entry.last_use = ticket.order
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. A load that runs for it goes on."""
        self._waiting.remove(ticket)

    def release(self, ticket: Ticket, now: float) -> None:
        """End a lease; the idle clock of what nobody else uses starts."""
        for name in ticket.needs:
            entry = self.models[name]
            entry.leases -= 1
            entry.idle_since = now

    # -- manual actions ---------------------------------------------------------------------

    def verb(self, model: str, action: Action, now: float) -> Verb:
        """Ask for a manual action; joins one of the same kind that is not yet fulfilled.

        Raises Conflict when the model can not do it at all, ServerDown while Triton is away.
        """
        entry = self.models[model]
        if (pending := pending_verb(entry, action)) is not None:
            return pending
        if not self.up:
            raise ServerDown(f"Triton does not answer, so model {model} can not {action}.")
        verb = Verb(model, action, self._next_order(), now, now + entry.policy.max_wait)
        entry.verbs.append(verb)
        return verb

    # -- what happened outside --------------------------------------------------------------

    def finished(
        self,
        begun: Begin,
        now: float,
        error: GreenroomError | None = None,
        reported: Residency | None = None,
    ) -> list[Effect]:
        """Record the end of a transition; on failure answer everyone who waited for it.

        `reported` is the state that the model itself has told of after a failure, if it has.
        A model that broke meanwhile heals first: who waits for it goes on waiting.
        """
        if self._running.get(begun.model) is not begun:
            return []  # Triton went away meanwhile: what this transition did is gone with it
        del self._running[begun.model]
        entry, action = self.models[begun.model], begun.action
        self.budget.end(entry.name, now)
        if action is Action.LOAD:
            entry.comes_back = False
        if error is None:
            self._succeeded(entry, action, now)
            return []
        entry.residency = reported or entry.came_from
        if entry.broken and action is not Action.UNLOAD:
            return []
        if action not in TAKES_AWAY and lacks_memory(str(error)):
            entry.memory.lacked_memory()
        entry.last_error = str(error)
        entry.failures += 1
        entry.retry_at = now + back_off(entry.failures)
        return [
            *failed_verbs(entry, TRANSITIONS[action].end, error),
            *self._fail_waiters(entry, action, error),
        ]

    def server_lost(self) -> list[Effect]:
        """Triton is gone and every model with it. Requests wait for it, manual actions fail."""
        self.up = False
        self._running.clear()
        self.budget.forget()
        gone = ServerDown("Triton went away before the action was done.")
        effects: list[Effect] = []
        for entry in self.models.values():
            if entry.residency in _BECOMES_HOT:
                entry.last_manual = 0  # what was taken off stage by hand stays off, no more
            entry.residency = Residency.COLD
            entry.broken = entry.comes_back = entry.awaits_memory = False
            entry.memory.expect(Residency.COLD)
            effects += [Answered(verb, gone) for verb in entry.verbs]
            entry.verbs.clear()
        return effects

    def server_back(self, states: Mapping[str, Residency], now: float) -> list[Effect]:
        """Triton can be asked again; `states` are those read from it (absent: cold).

        What it is loading or unloading goes on as a transition like any other; an ensemble
        that moves counts as cold, since to load it again takes no time. What failed in the one
        before holds nothing back.
        """
        self.up = True
        effects: list[Effect] = []
        for entry in self.models.values():
            entry.residency = states.get(entry.name, Residency.COLD)
            if entry.moving and entry.steps:
                entry.residency = Residency.COLD
            loads, moves = entry.residency is Residency.LOADING, entry.moving
            if moves:
                entry.residency = Residency.COLD if loads else Residency.HOT
            entry.memory.expect(entry.residency)
            entry.idle_since = entry.came_at = now
            entry.failures, entry.retry_at = 0, 0.0
            if moves:
                action = Action.LOAD if loads else Action.UNLOAD
                effects.append(self._begin(Begin(entry.name, action, READ_BACK)))
        return effects

    def broke(self, model: str, seen_at: float, now: float) -> bool:
        """Record that a model's process is dead or stopped; returns whether that is news.

        See `note_broken`. Whoever waits for the model goes on waiting.
        """
        return self.up and note_broken(self.models[model], seen_at, now)

    def observed(self, model: str, residency: Residency) -> None:
        """Correct hot to warm, or back, from a model's own report.

        Under a lease a report says nothing: a warm model restores itself for its next request.
        """
        entry = self.models[model]
        rests = entry.residency in (Residency.HOT, Residency.WARM) and not entry.broken
        if rests and not entry.leases and entry.residency is not residency:
            entry.residency = residency
            entry.memory.expect(residency)

    def reported(self, model: str, report: Report) -> None:
        """Take the bytes that a model's report tells of."""
        entry = self.models[model]
        if entry.residency is not Residency.COLD:
            entry.memory.reported(report)

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
            entry.last_manual = 0
        entry.policy = policy

    # -- decisions --------------------------------------------------------------------------

    def decide(self, now: float) -> list[Effect]:
        """Return what to do now: refusals, answered verbs, transitions to begin, leases."""
        effects: list[Effect] = list(self._refuse_late(now))
        if not self.up:
            return effects
        for entry in self.models.values():
            effects += settled_verbs(entry)
        effects += self._grant_waiting(now)
        denied: list[Effect] = []
        for step in self._next_step.all(now):
            if isinstance(step, Denied):
                denied += self._deny(step)
                continue
            if isinstance(step, Begin):
                self._begin(step)
            effects.append(step)
        effects += self._grant_waiting(now)
        return [*effects, *denied, *self.decide(now)] if denied else effects

    def next_due(self, now: float) -> float | None:
        """Return the time of the next decision that nobody will ask for, None if none.

        What is due already and was not done by ``decide`` waits for an event, not for time.
        """
        due = due_times(self.models, self._waiting, self.budget, self._patience)
        return min((at for at in due if at > now), default=None)

    @staticmethod
    def _succeeded(entry: Model, action: Action, now: float) -> None:
        entry.residency = TRANSITIONS[action].end
        entry.memory.expect(entry.residency)
        if action is Action.UNLOAD:
            entry.broken = False
        if action is Action.LOAD:
            entry.came_at = now
        if not (entry.broken or entry.comes_back):
            entry.failures, entry.retry_at, entry.last_error = 0, 0.0, None
        if action not in TAKES_AWAY:
            entry.idle_since = now

    def _begin(self, begin: Begin) -> Begin:
        entry = self.models[begin.model]
        self.budget.begin(entry, begin.action)
        entry.came_from = entry.residency
        entry.residency = TRANSITIONS[begin.action].during
        self._running[entry.name] = begin
        return begin

    def _deny(self, denied: Denied) -> Iterator[Effect]:
        claim, error = denied.claim, denied.error
        match claim.asker:
            case Ticket():
                for ticket in [t for t in self._waiting if t.needs == claim.needs]:
                    self._waiting.remove(ticket)
                    yield Refused(ticket, error)
            case Verb():
                self.models[claim.model].verbs.remove(claim.asker)
                yield Answered(claim.asker, error)
            case None:
                self.models[claim.model].last_error = str(error)

    def _grant_waiting(self, now: float) -> Iterator[Effect]:
        for ticket in self._waiting:
            if self._serves(ticket):
                self._waiting.remove(ticket)
                self._grant(ticket, now)
                yield Granted(ticket)

    def _serves(self, ticket: Ticket) -> bool:
        return self.up and all(self.models[name].serves(ticket) for name in ticket.needs)

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

    def _fail_waiters(
        self, entry: Model, action: Action, error: GreenroomError
    ) -> Iterator[Effect]:
        if action in TAKES_AWAY:
            return
        for ticket in self._waiting.needing(entry.name):
            self._waiting.remove(ticket)
            refusal = TransitionFailed(f"The {action} of model {entry.name} failed: {error}")
            yield Refused(ticket, refusal)

    def _grant(self, ticket: Ticket, now: float) -> None:
        ticket.granted_at = now
        for name in ticket.needs:
            self.models[name].leases += 1

    def _next_order(self) -> int:
        self._order += 1
        return self._order

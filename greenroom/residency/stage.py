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

from collections.abc import Iterable, Iterator, Mapping

from greenroom.errors import (
    Conflict,
    GreenroomError,
    QueueFull,
    ServerDown,
    TransitionFailed,
    WaitedTooLong,
)
from greenroom.residency.effects import Answered, Begin, Effect, Granted, Refused
from greenroom.residency.idle import idle_action
from greenroom.residency.model import Model, Ticket, Verb, coldest
from greenroom.residency.states import TAKES_AWAY, TRANSITIONS, Action, Residency, way_to

RETRY_FIRST = 1.0
RETRY_MOST = 60.0


class Stage:
    """Owns every model's state. Not thread-safe: one event loop calls it."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.models: dict[str, Model] = {model.name: model for model in models}
        self.up = False
        """Whether Triton can be asked; while it can not, nothing begins and requests wait."""
        self._waiting: dict[int, Ticket] = {}
        self._order = 0

    # -- requests ---------------------------------------------------------------------------

    def ask(self, model: str, now: float, max_wait: float | None = None) -> Ticket:
        """Ask for a lease on `model` and its steps; granted at once if all of them are hot.

        Raises QueueFull when one of them already has as many waiting as its policy allows.
        """
        needs = (*self.models[model].steps, model)
        models = [self.models[name] for name in needs]
        wait = max(entry.policy.max_wait for entry in models)
        if max_wait is not None:
            wait = min(wait, max_wait)
        ticket = Ticket(model, needs, now, now + wait, coldest(models), self._next_order())
        for entry in models:
            entry.by_hand = False
        if self.up and all(entry.serves(ticket) for entry in models):
            self._grant(ticket, now)
            return ticket
        for entry in models:
            if entry.waiting >= entry.policy.max_waiting:
                raise QueueFull(
                    f"Model {entry.name} already has {entry.waiting} requests waiting, "
                    f"as many as max_waiting ({entry.policy.max_waiting}) allows."
                )
        for entry in models:
            entry.waiting += 1
        self._waiting[ticket.order] = ticket
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give up a place in the queue. A load that runs for it goes on."""
        if self._waiting.pop(ticket.order, None) is not None:
            for name in ticket.needs:
                self.models[name].waiting -= 1

    def release(self, ticket: Ticket, now: float) -> None:
        """End a lease; the idle clock of what nobody else uses starts."""
        for name in ticket.needs:
            entry = self.models[name]
            entry.leases -= 1
            entry.idle_since = now

    def touch(self, model: str, now: float) -> None:
        """Ask for a model and its steps ahead of a request."""
        for name in (*self.models[model].steps, model):
            entry = self.models[name]
            entry.by_hand = False
            entry.idle_since = now
            entry.touched = entry.residency is not Residency.HOT

    # -- manual actions ---------------------------------------------------------------------

    def verb(self, model: str, action: Action) -> Verb:
        """Ask for a manual action; joins one of the same kind that is not yet fulfilled.

        Raises Conflict when the model can not do it at all.
        """
        entry = self.models[model]
        if action in (Action.OFFLOAD, Action.RESTORE) and not entry.controllable:
            raise Conflict(
                f"Model {model} does not take the RESIDENCY input: "
                f"it can be loaded and unloaded, not {action}d."
            )
        for pending in entry.verbs:
            if pending.action is action:
                return pending
        verb = Verb(model, action, self._next_order())
        entry.verbs.append(verb)
        return verb

    # -- what happened outside --------------------------------------------------------------

    def finished(
        self, model: str, action: Action, now: float, error: GreenroomError | None = None
    ) -> list[Effect]:
        """Record the end of a transition; on failure answer everyone who waited for it."""
        entry = self.models[model]
        row = TRANSITIONS[action]
        if entry.residency is not row.during:
            return []  # Triton went away meanwhile: what this transition did is gone with it
        if error is None:
            entry.residency = row.end
            entry.failures = 0
            entry.last_error = None
            if action not in TAKES_AWAY:
                entry.touched = False
                entry.idle_since = now
            return []
        entry.residency = entry.came_from
        entry.touched = False
        entry.last_error = str(error)
        entry.failures += 1
        entry.retry_at = now + min(RETRY_FIRST * 2 ** (entry.failures - 1), RETRY_MOST)
        return [*self._fail_verbs(entry, action, error), *self._fail_waiters(entry, action, error)]

    def server_lost(self) -> list[Effect]:
        """Triton is gone and every model with it. Requests wait for it, manual actions fail."""
        self.up = False
        gone = ServerDown("Triton went away before the action was done.")
        effects: list[Effect] = []
        for entry in self.models.values():
            entry.residency = Residency.COLD
            effects += [Answered(verb, gone) for verb in entry.verbs]
            entry.verbs.clear()
        return effects

    def server_back(self, states: Mapping[str, Residency], now: float) -> None:
        """Triton can be asked again; `states` are those read from it (absent: cold)."""
        self.up = True
        for entry in self.models.values():
            entry.residency = states.get(entry.name, Residency.COLD)
            entry.idle_since = now
            entry.retry_at = now

    def observed(self, model: str, residency: Residency) -> None:
        """Correct hot to warm, or back, from a model's own report."""
        entry = self.models[model]
        if not entry.moving and entry.residency is not Residency.COLD:
            entry.residency = residency

    # -- decisions --------------------------------------------------------------------------

    def decide(self, now: float) -> list[Effect]:
        """Return what to do now: refusals, answered verbs, transitions to begin, leases."""
        effects: list[Effect] = []
        if self._waiting:
            effects += self._refuse_late(now)
        if not self.up:
            return effects
        for entry in self.models.values():
            effects += self._settle_verbs(entry)
            begin = self._next_step(entry, now)
            if begin is not None:
                entry.came_from = entry.residency
                entry.residency = TRANSITIONS[begin.action].during
                effects.append(begin)
        for ticket in list(self._waiting.values()):
            if all(self.models[name].serves(ticket) for name in ticket.needs):
                self.leave(ticket)
                self._grant(ticket, now)
                effects.append(Granted(ticket))
        return effects

    def next_due(self) -> float | None:
        """Return the time of the next decision that nobody will ask for, None if none."""
        due = [ticket.deadline for ticket in self._waiting.values()]
        for entry in self.models.values():
            if (idle := idle_action(entry)) is not None:
                due.append(idle[0])
            if entry.failures and self._wanted(entry):
                due.append(entry.retry_at)
        return min(due, default=None)

    def _next_step(self, entry: Model, now: float) -> Begin | None:
        """Return the transition that `entry` should begin, None to leave it where it is."""
        if entry.moving:
            return None
        if entry.verbs and (begin := self._verb_step(entry)) is not None:
            return begin
        if self._wanted(entry):
            action = way_to(Residency.HOT, entry.residency)
            if action is None or now < entry.retry_at or not self._steps_loaded(entry):
                return None
            return Begin(entry.name, action, _reason(entry))
        idle = idle_action(entry)
        if idle is not None and now >= idle[0]:
            return Begin(entry.name, idle[1], "idle")
        return None

    def _verb_step(self, entry: Model) -> Begin | None:
        verb = entry.verbs[0]
        action = way_to(verb.target, entry.residency)
        if action is None or not self._steps_loaded(entry):
            return None
        if action in TAKES_AWAY and (entry.leases or self._asked_before(entry, verb)):
            return None
        entry.by_hand = True
        return Begin(entry.name, action, "manual")

    def _settle_verbs(self, entry: Model) -> Iterator[Effect]:
        """Answer the verbs whose state is reached, or that lead nowhere from here."""
        while entry.verbs and not entry.moving:
            verb = entry.verbs[0]
            if verb.target is entry.residency:
                entry.by_hand = True
                answer = Answered(verb)
            elif verb.action is Action.LOAD or entry.residency in TRANSITIONS[verb.action].start:
                return
            else:
                answer = Answered(verb, Conflict(self._no_way(entry, verb.action)))
            entry.verbs.pop(0)
            yield answer

    def _wanted(self, entry: Model) -> bool:
        """Whether somebody needs it hot: a request, a touch, or its configuration."""
        return (
            entry.waiting > 0 or entry.touched or (entry.policy.pinned and not entry.by_hand)
        ) and entry.residency is not Residency.HOT

    def _steps_loaded(self, entry: Model) -> bool:
        """Loading an ensemble would make Triton load its missing steps by itself."""
        away = (Residency.COLD, Residency.LOADING, Residency.UNLOADING)
        return all(self.models[step].residency not in away for step in entry.steps)

    def _asked_before(self, entry: Model, verb: Verb) -> bool:
        return any(
            ticket.order < verb.order and entry.name in ticket.needs
            for ticket in self._waiting.values()
        )

    def _refuse_late(self, now: float) -> Iterator[Effect]:
        for ticket in [t for t in self._waiting.values() if now >= t.deadline]:
            self.leave(ticket)
            yield Refused(ticket, WaitedTooLong(self._why_late(ticket, now)))

    def _fail_verbs(self, entry: Model, action: Action, error: GreenroomError) -> Iterator[Effect]:
        target = TRANSITIONS[action].end
        for verb in [v for v in entry.verbs if v.target is target]:
            entry.verbs.remove(verb)
            yield Answered(verb, error)

    def _fail_waiters(
        self, entry: Model, action: Action, error: GreenroomError
    ) -> Iterator[Effect]:
        if action in TAKES_AWAY:
            return
        for ticket in [t for t in self._waiting.values() if entry.name in t.needs]:
            self.leave(ticket)
            refusal = TransitionFailed(f"The {action} of model {entry.name} failed: {error}")
            yield Refused(ticket, refusal)

    def _grant(self, ticket: Ticket, now: float) -> None:
        ticket.granted_at = now
        for name in ticket.needs:
            self.models[name].leases += 1

    def _why_late(self, ticket: Ticket, now: float) -> str:
        waited = f"after {now - ticket.asked_at:.1f} s of waiting"
        if not self.up:
            return f"Triton does not answer {waited}."
        missing = [self.models[n] for n in ticket.needs if not self.models[n].serves(ticket)]
        states = ", ".join(f"{entry.name} is {entry.residency}" for entry in missing)
        return f"Model {ticket.model} is not ready {waited}: {states}."

    def _no_way(self, entry: Model, action: Action) -> str:
        start = " or ".join(sorted(TRANSITIONS[action].start))
        return f"Model {entry.name} is {entry.residency}: {action} needs a {start} model."

    def _next_order(self) -> int:
        self._order += 1
        return self._order


def _reason(entry: Model) -> str:
    if entry.waiting:
        return "request"
    return "touch" if entry.touched else "pinned"

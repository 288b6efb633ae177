"""One Greenroom with its Triton: the service's own stage, and costs where Triton would work.

What the controller does with the stage is done here in the same order: ask, decide, carry out,
report the end of a transition, decide again, look once more when something is due.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from greenroom.errors import GreenroomError
from greenroom.residency.budget import Budget
from greenroom.residency.control import Report
from greenroom.residency.effects import EVICT, Begin, Effect, Granted, Refused
from greenroom.residency.model import Model, Ticket
from greenroom.residency.stage import Stage
from greenroom.residency.states import TAKES_AWAY, Action, Residency
from greenroom.simulate.tally import Tally
from greenroom.simulate.timeline import Timeline
from greenroom.simulate.world import SimulatedModel, World

Decision = tuple[float, str, Action, str]
"""When which transition of which model began, and why."""


class _Lane:
    """Where requests are worked on, so many at one time; the others stand in a queue."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.running = 0
        self.queue: deque[Ticket] = deque()


class _Triton:
    """What Triton has of one model."""

    def __init__(self, model: SimulatedModel, needs: tuple[str, ...], lane: _Lane) -> None:
        self.model = model
        self.needs = needs
        self.lane = lane
        self.busy_since = 0.0
        self.reports = {
            Residency.HOT: _report(model, Residency.HOT, model.costs.bytes),
            Residency.WARM: _report(model, Residency.WARM, 0),
        }


@dataclass(slots=True)
class TraceRequest:
    """One row of the trace, which keeps its time when it is sent again."""

    model: str
    seconds: float
    came_at: float


def _report(model: SimulatedModel, residency: Residency, device: int) -> Report:
    overhead = model.costs.overhead
    return Report(residency=residency, device_bytes=device, device_overhead_bytes=overhead)


class Machine:
    """Serves requests on a timeline; models are added when somebody asks for them first.

    ``changed`` is called when something has happened here that another machine could not know.
    """

    def __init__(
        self,
        world: World,
        timeline: Timeline,
        tally: Tally,
        number: int = 0,
        changed: Callable[["Machine"], None] | None = None,
    ) -> None:
        self._world = world
        self._timeline = timeline
        self._tally = tally
        self.number = number
        self._changed = changed
        self.stage = Stage((), Budget(world.memory), world.patience, order=world.order)
        self.stage.server_back({}, timeline.now)
        self._triton: dict[str, _Triton] = {}
        self._shared = _Lane(world.slots) if world.slots else None
        self._requests: dict[Ticket, TraceRequest] = {}
        self._comes_at: dict[str, float] = {}
        self._alarm = math.inf
        self._held = self._host = 0
        self._gone = False
        self.history: list[Decision] | None = None
        """What has begun so far, where somebody has put a list."""
        if pinned := [name for name, model in world.models.items() if model.policy.pinned]:
            for name in pinned:
                self.add(name, timeline.now)
            self._act(timeline.now)

    @property
    def now(self) -> float:
        return self._timeline.now

    @property
    def open(self) -> int:
        """Requests that have no answer yet."""
        return len(self._requests)

    def add(self, name: str, now: float = 0.0) -> _Triton:
        """Take up a model, and the steps of an ensemble before it."""
        model = self._world.model(name)
        for step in model.steps:
            if step not in self._triton:
                self.add(step, now)
        entry = Model(name, model.policy, model.controllable, model.steps)
        entry.demand.idle_since = now
        entry.memory.measured = model.bytes
        self.stage.add(entry)
        lane = self._shared or _Lane(model.costs.at_once)
        triton = self._triton[name] = _Triton(model, (*model.steps, name), lane)
        return triton

    def ask(self, request: TraceRequest, now: float) -> None:
        """Take a request that comes now, or is sent again."""
        triton = self._triton.get(request.model) or self.add(request.model, now)
        models = self.stage.models
        for need in triton.needs:
            if models[need].idle:
                self._triton[need].busy_since = now
        try:
            ticket = self.stage.ask(request.model, now)
        except GreenroomError as error:
            self._tally.refused[error.reason] += 1
            return
        self._requests[ticket] = request
        if ticket.granted_at is None:
            self._act(now)
        else:
            self._granted(ticket, now)

    def lose(self, now: float) -> list[TraceRequest]:
        """End as a machine does that fails; what it has not answered is to be sent elsewhere."""
        self._gone = True
        self._hold(now, -self._held, -self._host)
        return list(self._requests.values())

    # -- what the controller does -----------------------------------------------------------

    def _act(self, now: float, effects: Iterable[Effect] = ()) -> None:
        for effect in effects:
            self._carry_out(effect, now)
        for effect in self.stage.decide(now):
            self._carry_out(effect, now)
        due = self.stage.next_due(now)
        if due is not None and due < self._alarm:
            self._alarm = due
            self._timeline.at(due, self._ring, due)

    def _ring(self, alarm: float, now: float) -> None:
        if alarm == self._alarm and not self._gone:  # it was not set earlier meanwhile
            self._alarm = math.inf
            self._act(now)

    def _carry_out(self, effect: Effect, now: float) -> None:
        match effect:
            case Begin():
                self._begin(effect, now)
            case Granted(ticket):
                self._granted(ticket, now)
            case Refused(ticket, error):
                self._refused(ticket, error, now)

    # -- what Triton does -------------------------------------------------------------------

    def _begin(self, begin: Begin, now: float) -> None:
        model, action = self._triton[begin.model].model, begin.action
        if self.history is not None:
            self.history.append((now, begin.model, action, begin.reason))
        ends = now if model.steps else now + model.costs.seconds(action)
        if action is Action.LOAD:
            self._hold(now, model.bytes, model.host_bytes)
        elif action is Action.RESTORE:
            self._comes_at[begin.model] = ends
            self._hold(now, model.costs.bytes)
        self._tally.evictions += begin.reason == EVICT
        self._timeline.at(ends, self._ended, begin)

    def _ended(self, begin: Begin, now: float) -> None:
        if self._gone:
            return
        triton, entry = self._triton[begin.model], self.stage.models[begin.model]
        before = entry.memory.held
        effects = self.stage.finished(begin, now)
        if entry.residency is not Residency.COLD and not triton.model.steps:
            self.stage.reported(begin.model, triton.reports[entry.residency])
        if begin.action in TAKES_AWAY:
            gone = triton.model.host_bytes if begin.action is Action.UNLOAD else 0
            self._hold(now, entry.memory.held - before, -gone)
        self._tally.transitions[begin.action] += 1
        self._act(now, effects)
        if self._changed:
            self._changed(self)

    def _hold(self, now: float, device: int, host: int = 0) -> None:
        """Count bytes that are held from now on beyond those that were."""
        self._held += device
        self._tally.device.add(now, device)
        if host:
            self._host += host
            self._tally.host.add(now, host)

    def _granted(self, ticket: Ticket, now: float) -> None:
        lane = self._triton[ticket.model].lane
        if lane.running < lane.at_once:
            lane.running += 1
            self._run(ticket, now)
        else:
            lane.queue.append(ticket)

    def _run(self, ticket: Ticket, now: float) -> None:
        ends = now + self._requests[ticket].seconds
        if len(ticket.needs) > 1:  # a step may still be coming back while others work
            ends = max(ends, *(self._comes_at.get(name, 0.0) for name in ticket.needs))
        self._timeline.at(ends, self._answered, ticket)

    def _answered(self, ticket: Ticket, now: float) -> None:
        if self._gone:
            return
        lane = self._triton[ticket.model].lane
        if lane.queue:
            self._run(lane.queue.popleft(), now)
        else:
            lane.running -= 1
        request = self._requests.pop(ticket)
        self._tally.served(ticket, request.came_at, request.seconds, now)
        self.stage.release(ticket, now)
        self._left(ticket, now)
        self._act(now)

    def _refused(self, ticket: Ticket, error: GreenroomError, now: float) -> None:
        came_at = self._requests.pop(ticket).came_at
        self._tally.refused[error.reason] += 1
        self._tally.lost_seconds += now - came_at
        self._left(ticket, now)

    def _left(self, ticket: Ticket, now: float) -> None:
        for name in ticket.needs:
            if self.stage.models[name].idle:
                triton = self._triton[name]
                seconds = now - triton.busy_since + triton.model.costs.load
                self._tally.busy_byte_seconds += seconds * triton.model.bytes
                self._tally.busy_times += 1

"""Routers of a fleet: that of Greenroom, and two that know nothing, to compare with."""

import random
from collections.abc import Mapping
from heapq import heappop, heappush

from greenroom.residency.placement import Placement
from greenroom.residency.replica import IN_USE, MeasuredCosts, ReplicaReport, Standing
from greenroom.residency.states import Residency
from greenroom.simulate.machine import Machine
from greenroom.simulate.world import World

REPORT_EVERY = 0.5
"""Seconds between two reports of a machine, as in service."""


class ByResidency:
    """Ranks machines by what a request costs there, by the reports that they make.

    A machine at which nothing happens any more, and nobody has asked for a while, has nothing
    new to tell: it reports again after the next change.
    """

    def __init__(self, world: World, work: Mapping[str, float]) -> None:
        """Take the mean seconds of work of a request for each model."""
        self._world = world
        self._work = work
        self._placement = Placement()
        self._machines: dict[int, Machine] = {}
        self._due: list[tuple[float, int]] = []
        self._queued: set[int] = set()
        self._last: dict[int, float] = {}

    def choose(self, model: str, machines: int, now: float) -> int:
        self._report(now)
        simulated = self._world.model(model)
        needs = (*simulated.steps, model)
        for need in needs:
            self._learn(need)
        best = self._placement.rank(needs, now)[0].replica
        self._placement.send(best, needs, now)
        self._wake(int(best), now)
        return int(best)

    def changed(self, machine: Machine) -> None:
        known = self._machines.get(machine.number)
        self._machines[machine.number] = machine
        if known is not machine:
            self._placement.left(str(machine.number))
            self._placement.reported(str(machine.number), report(machine, 0.0), {})
        self._wake(machine.number, machine.now)

    def _wake(self, number: int, now: float) -> None:
        self._last[number] = now
        if number not in self._queued:
            self._queued.add(number)
            heappush(self._due, (now + REPORT_EVERY, number))

    def _report(self, now: float) -> None:
        while self._due and self._due[0][0] <= now:
            _, number = heappop(self._due)
            machine = self._machines[number]
            self._placement.reported(str(number), report(machine, now), {})
            if machine.open or now - self._last[number] < IN_USE:
                heappush(self._due, (now + REPORT_EVERY, number))
            else:
                self._queued.discard(number)

    def _learn(self, name: str) -> None:
        known = self._placement.known
        if name not in known:
            model = self._world.model(name)
            costs = model.costs
            at_once = self._world.slots or costs.at_once
            request = self._work.get(name, costs.run or 0.0) / at_once
            known[name] = MeasuredCosts(costs.load, costs.restore, request, model.bytes)


def report(machine: Machine, now: float) -> ReplicaReport:
    """What a machine tells of itself: those of its models that are not cold, or are asked for."""
    there = {
        entry.name: Standing(
            entry.residency,
            entry.demand.leases + entry.demand.waiting,
            entry.memory.held,
            min(now - entry.demand.idle_since, IN_USE) if entry.idle else 0.0,
            entry.policy.pinned,
        )
        for entry in machine.stage.models.values()
        if entry.residency is not Residency.COLD or not entry.idle
    }
    free = max(0, machine.stage.budget.free) if machine.stage.budget.limited else None
    return ReplicaReport(there, free)


class Evenly:
    """One after the other."""

    def __init__(self) -> None:
        self._next = -1

    def choose(self, model: str, machines: int, now: float) -> int:
        self._next = (self._next + 1) % machines
        return self._next

    def changed(self, machine: Machine) -> None:
        """What happens there makes no difference."""


class AtRandom:
    """Drawn anew for each request, by a seed."""

    def __init__(self, seed: int = 1) -> None:
        self._draw = random.Random(seed)

    def choose(self, model: str, machines: int, now: float) -> int:
        return self._draw.randrange(machines)

    def changed(self, machine: Machine) -> None:
        """What happens there makes no difference."""

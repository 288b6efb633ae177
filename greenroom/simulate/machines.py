"""The machines of a fleet, and who chooses between them for a request."""

from collections.abc import Sequence
from typing import Protocol

from greenroom.simulate.machine import Machine, TraceRequest
from greenroom.simulate.tally import Tally
from greenroom.simulate.timeline import Timeline
from greenroom.simulate.world import World


class Router(Protocol):
    """Chooses; is told of what happens at the machines."""

    def choose(self, model: str, machines: int, now: float) -> int: ...

    def changed(self, machine: Machine) -> None:
        """Something has happened there, or it is new in its place."""


class Fleet:
    """Machines by number; without a router there is one."""

    def __init__(
        self, world: World, timeline: Timeline, tally: Tally, count: int, router: Router | None
    ) -> None:
        self._world = world
        self._timeline = timeline
        self._tally = tally
        self._router = router
        self.machines: Sequence[Machine] = []
        self.machines = [self._new(number) for number in range(count)]

    @property
    def open(self) -> bool:
        """Somebody waits for an answer."""
        return any(machine.open for machine in self.machines)

    def send(self, request: TraceRequest, now: float) -> None:
        place = 0
        if self._router:
            place = self._router.choose(request.model, len(self.machines), now)
        self.machines[place].ask(request, now)

    def lose(self, place: int, now: float) -> None:
        """Lose a machine; an empty one takes its place, its requests are sent again."""
        again = self.machines[place].lose(now)
        self.machines = [
            self._new(place) if machine.number == place else machine for machine in self.machines
        ]
        for request in again:
            self.send(request, now)

    def _new(self, number: int) -> Machine:
        told = self._router.changed if self._router else None
        machine = Machine(self._world, self._timeline, self._tally, number, told)
        if told:
            told(machine)
        return machine

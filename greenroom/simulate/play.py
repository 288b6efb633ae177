"""Plays a trace on one machine, or on several between which somebody chooses."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from greenroom.residency.eviction_order import furthest_next_use
from greenroom.simulate.machine import TraceRequest
from greenroom.simulate.machines import Fleet, Router
from greenroom.simulate.tally import Tally
from greenroom.simulate.timeline import Timeline
from greenroom.simulate.trace import Trace
from greenroom.simulate.world import World

Progress = Callable[[int], None]
"""Called now and then with the number of requests that have come."""
BELADY = "belady"
_TELL_EVERY = 5000


@dataclass(frozen=True)
class Played:
    """The counts, and the seconds from the first request to the last answer."""

    tally: Tally
    seconds: float
    always_loaded_byte_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Under the names of ``--json``."""
        return self.tally.as_json() | {
            "seconds": self.seconds,
            "always_loaded_byte_seconds": self.always_loaded_byte_seconds,
            "unload_at_once_byte_seconds": self.tally.busy_byte_seconds,
            "unload_at_once_loads": self.tally.busy_times,
        }


def play(
    trace: Trace,
    world: World,
    eviction: str | None = None,
    machines: int = 1,
    router: Router | None = None,
    progress: Progress | None = None,
    losses: int = 0,
) -> Played:
    """Let all requests of a trace come and be answered.

    With the eviction `belady` the order of eviction is that of who knows the trace. So many
    `losses` are spread over the time: one machine after the other fails and is empty again.
    """
    timeline, tally = Timeline(), Tally()
    soonest: dict[str, float] = {}
    next_uses: list[float] | None = None
    if eviction == BELADY:
        next_uses = trace.next_uses().tolist()
        world = replace(world, order=furthest_next_use(lambda name: soonest.get(name, math.inf)))
    fleet = Fleet(world, timeline, tally, machines, router)
    costs = np.array([world.model(name).costs.run for name in trace.names], dtype=float)
    work = np.where(np.isnan(trace.seconds), costs[trace.models], trace.seconds)
    rows = zip(trace.times.tolist(), trace.models.tolist(), work.tolist(), strict=True)
    for loss in range(losses):
        timeline.at(trace.times[-1] * (loss + 1) / (losses + 1), fleet.lose, loss % machines)
    for number, (now, model, seconds) in enumerate(rows):
        timeline.run_until(now)
        name = trace.names[model]
        if next_uses is not None:
            soonest[name] = next_uses[number]
        fleet.send(TraceRequest(name, seconds, now), now)
        if progress and number % _TELL_EVERY == 0:
            progress(number)
    while fleet.open and timeline.step():
        pass
    end = max(timeline.now, float(trace.times[-1]))
    tally.device.add(end, 0)
    tally.host.add(end, 0)
    held = sum(world.model(name).bytes for name in set(trace.names))
    return Played(tally, end, float(held * end))

"""The simulation decides as the service does: a controller is given the same events."""

import asyncio
import random

import numpy as np
import pytest
from controller_harness import ControllerHarness
from scripted_triton import ScriptedTriton

from greenroom.residency.control import Report
from greenroom.residency.effects import Begin
from greenroom.residency.eviction_order import ORDERS
from greenroom.residency.policy import Policy
from greenroom.simulate.costs import Costs
from greenroom.simulate.machine import Machine, TraceRequest
from greenroom.simulate.tally import Tally
from greenroom.simulate.timeline import Timeline
from greenroom.simulate.world import SimulatedModel, World

NAMES = ("asr", "tts", "lm", "echo")
SIZE = 640
BUDGET = 2 * SIZE
# A model without the control input, such as echo, reports no bytes.
COSTS = {
    "asr": Costs(load=3, restore=0.21, offload=0.11, unload=0.3, bytes=SIZE, at_once=1000),
    "tts": Costs(load=7, restore=0.33, offload=0.13, unload=0.5, bytes=SIZE, at_once=1000),
    "lm": Costs(load=5, restore=0.47, offload=0.17, unload=0.7, bytes=SIZE, at_once=1000),
    "echo": Costs(load=2, restore=0, offload=0, unload=0.9, bytes=0, at_once=1000),
}
POLICIES = {
    "asr": Policy(offload_after=4, unload_after=40),
    "tts": Policy(offload_after=-1, unload_after=60),
    "lm": Policy(offload_after=-1, unload_after=-1),
    "echo": Policy(unload_after=15),
}


class TimedTriton(ScriptedTriton):
    """Takes as long as the models cost, by the harness's clock."""

    clock = None

    async def _answer(self, *call):
        await super()._answer(*call)
        action, model = call[:2]
        await passed(self.clock, COSTS[model].model_dump().get(action, 0.0))

    async def control(self, model, action, valid):
        report = await super().control(model, action, valid)
        hot = report.residency == "hot"
        return Report(residency="hot", device_bytes=SIZE) if hot else report


async def passed(clock, seconds):
    if seconds:
        over = asyncio.get_running_loop().create_future()
        clock.call_at(clock.now() + seconds, lambda: over.set_result(None))
        await over


def requests(seed, count=100):
    """Rows of time, model and seconds; no two things happen at one moment."""
    draw, now = random.Random(seed), 0.0
    for _ in range(count):
        now += draw.choice((0.3, 2.0, 20.0)) * draw.uniform(0.1, 2)
        yield now, draw.choice(NAMES), draw.uniform(0.2, 6)


async def in_service(folder, rows, eviction):
    """What a controller began, and how long each request waited."""
    triton, settings = TimedTriton(), {"gpu_budget_bytes": BUDGET, "eviction": eviction}
    harness = ControllerHarness(folder, triton, POLICIES, None, settings, ("lm",))
    clock = triton.clock = harness.clock
    stage, began, waits, clients = harness.controller.stage, [], {}, []
    start, decide = clock.now(), stage.decide
    for name in NAMES:
        stage.models[name].memory.measured = COSTS[name].bytes

    def recorded(now):
        for effect in decide(now):
            if isinstance(effect, Begin):
                began.append((now - start, effect.model, effect.action, effect.reason))
            yield effect

    async def client(number, model, seconds):
        came = clock.now()
        async with harness.controller.lease(model):
            waits[number] = clock.now() - came
            await passed(clock, seconds)

    stage.decide = recorded
    async with harness.following():
        triton.come()
        await harness.settle()
        for number, (at, model, seconds) in enumerate(rows):
            await until(harness, start + at)
            clients.append(asyncio.create_task(client(number, model, seconds)))
            await harness.settle()
        while not all(task.done() for task in clients):
            await until(harness, next_timer(clock))
    return began, [waits[number] for number in range(len(rows))]


def next_timer(clock):
    due = (timer.when for timer in clock.timers if not timer.cancelled)
    return min(due, default=float("inf"))


async def until(harness, when):
    """Let time pass from one event to the next."""
    clock = harness.clock
    while (due := next_timer(clock)) <= when:
        await harness.wait(max(0.0, due - clock.now()))
    await harness.wait(max(0.0, when - clock.now()))


def simulated(rows, eviction):
    models = {
        name: SimulatedModel(name, POLICIES[name], COSTS[name], controllable=name != "echo")
        for name in NAMES
    }
    timeline, tally = Timeline(), Tally()
    machine = Machine(World(models, memory=BUDGET, order=ORDERS[eviction]), timeline, tally)
    machine.history = []
    for name in NAMES:
        machine.add(name)
    for at, model, seconds in rows:
        timeline.run_until(at)
        machine.ask(TraceRequest(model, seconds, at), at)
    while machine.open:
        timeline.step()
    return machine.history, tally


@pytest.mark.parametrize("eviction", ["lru", "gdsf"])
async def test_the_same_events_give_the_same_decisions(tmp_path, eviction):
    rows = list(requests(seed=len(eviction)))
    began, waits = await in_service(tmp_path, rows, eviction)
    history, tally = simulated(rows, eviction)
    assert {reason for *_, reason in began} >= {"request", "evict", "idle"}
    assert [(m, str(a), r) for _, m, a, r in history] == [(m, str(a), r) for _, m, a, r in began]
    np.testing.assert_allclose([at for at, *_ in history], [at for at, *_ in began], atol=1e-6)
    np.testing.assert_allclose(sorted(tally.waits), sorted(waits), atol=1e-6)

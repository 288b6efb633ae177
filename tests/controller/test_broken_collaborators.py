"""Each thing that the controller uses breaks in turn: everybody is answered, and it goes on."""

import asyncio
import inspect

import pytest
from scripted_gpu import ScriptedGpu
from scripted_processes import ScriptedProcesses
from scripted_triton import ScriptedTriton

from greenroom.controller.healing import Healing
from greenroom.controller.measurements import Measurements
from greenroom.controller.memory_watch import MemoryWatch
from greenroom.controller.metrics import Metrics
from greenroom.controller.transition_report import Events, TransitionReport
from greenroom.controller.transitions import Transitions
from greenroom.errors import GreenroomError, ServerDown, TransitionFailed
from greenroom.residency.next_step import NextStep
from greenroom.residency.policy import Policy
from greenroom.residency.stage import Stage
from greenroom.residency.states import Action
from greenroom.tracing import Span, Traces

PLACES = {
    ScriptedTriton: ("ready", "lost", "alive", "states", "load", "unload", "begin_unload"),
    Transitions: ("run", "remember", "forget", "ask_report"),
    Metrics: ("expect", "count"),
    Events: ("publish", "close"),
    TransitionReport: ("tell",),
    ScriptedGpu: ("read",),
    MemoryWatch: ("expect", "keep"),
    Measurements: ("of", "keep", "stated_bytes", "weight_bytes"),
    Traces: ("wait", "transition"),
    Span: ("asked", "ended"),
    ScriptedProcesses: ("watch", "end", "ended", "forget", "close"),
    Healing: ("sent", "ended", "found", "look_after", "after", "probe", "forget", "close"),
}


class Breaks:
    """Makes a method raise while it is on, and counts how often it did."""

    def __init__(self, monkeypatch, owner, name):
        self.on = False
        self.count = 0
        whole = getattr(owner, name)

        def raising(*arguments, **named):
            if self.on:
                self.count += 1
                raise RuntimeError(f"{owner.__name__}.{name} is broken")
            return whole(*arguments, **named)

        async def awaited(*arguments, **named):
            return await raising(*arguments, **named)

        monkeypatch.setattr(owner, name, awaited if inspect.iscoroutinefunction(whole) else raising)


async def answered(harness, work):
    """Return what became of it, in the time in which everybody has an answer."""
    task = asyncio.create_task(work)
    for _ in range(60):
        await harness.settle()
        if task.done():
            break
        await harness.wait(5)
    assert task.done()
    return (await asyncio.gather(task, return_exceptions=True))[0]


async def lease(harness, model):
    async with harness.controller.lease(model) as held:
        return await held.run(lambda: asyncio.sleep(0, "answer"))


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in PLACES.items() for name in names]
)
async def test_whatever_breaks_everybody_is_answered(harness, monkeypatch, owner, name):
    monkeypatch.setattr("greenroom.controller.memory_watch._BETWEEN_ATTEMPTS", 0)
    monkeypatch.setattr("greenroom.controller.triton_monitor._READ_AGAIN", 0)
    breaks = Breaks(monkeypatch, owner, name)
    policy = {"tts": Policy(offload_after=10), "echo": Policy(unload_after=60)}
    one = await harness(policy=policy, gpu=ScriptedGpu(10**5), loaded=["asr"], probe_interval=30)
    one.processes.seen = True
    controller = one.controller

    breaks.on = True
    tried = [
        await answered(one, lease(one, "tts")),
        await answered(one, controller.touch("speech")),
        await answered(one, controller.act("tts", Action.OFFLOAD)),
        await answered(one, lease(one, "tts")),
        await answered(one, controller.act("echo", Action.LOAD)),
        await answered(one, controller.load_from_repository("echo", {"config": "{}"})),
        await answered(one, controller.clear_cache("tts")),
    ]
    one.triton.errors["unload", "echo"] = ServerDown("Triton does not answer.")
    tried.append(await answered(one, controller.act("echo", Action.UNLOAD)))
    one.triton.errors.clear()
    one.processes.on_end("tts")
    tried.append(await answered(one, lease(one, "tts")))
    one.triton.die()
    waiting = asyncio.create_task(lease(one, "tts"))
    await one.settle()
    one.triton.come("asr")
    tried.append(await answered(one, asyncio.wait_for(waiting, None)))
    assert len(tried) == 10
    if name == "close":
        await controller.drain(1)
        await controller.close()
        assert breaks.count
        return

    breaks.on = False
    await one.wait(120)  # back-offs are over
    for model in ("tts", "speech", "echo"):
        assert await answered(one, lease(one, model)) == "answer"
    assert {
        entry.demand.leases + entry.demand.waiting for entry in controller.stage.models.values()
    } == {0}
    assert breaks.count
    if (owner, name) != (ScriptedProcesses, "ended"):  # the answer was there already
        assert one.metric("internal_errors_total") > 0
    await one.wait(61)
    assert one.residency("tts") == "warm"
    assert one.residency("echo") == "cold"


async def test_who_is_answered_does_not_depend_on_the_next_decision(harness, monkeypatch):
    one = await harness()
    breaks = Breaks(monkeypatch, Stage, "decide")
    one.triton.fail("load", "echo")
    with one.triton.holding("load", "echo"):
        waiting = await one.ask("echo")
        breaks.on = True
    await one.settle()
    assert breaks.count
    assert waiting.done()
    assert isinstance(waiting.exception(), TransitionFailed)


async def test_who_is_granted_a_lease_has_it_though_the_rest_of_the_decision_breaks(
    harness, monkeypatch
):
    one = await harness()
    breaks = Breaks(monkeypatch, NextStep, "all")
    with one.triton.holding("load", "echo"):
        waiting = await one.ask("echo")
        breaks.on = True
    await one.settle()
    assert breaks.count
    assert waiting.done()
    assert waiting.exception() is None


async def test_a_decision_that_breaks_at_its_time_is_counted_and_made_later(harness, monkeypatch):
    one = await harness(policy={"echo": Policy(unload_after=60)})
    await one.used("echo")
    breaks = Breaks(monkeypatch, Stage, "decide")
    breaks.on = True
    await one.wait(60)
    breaks.on = False
    assert one.metric("internal_errors_total") == breaks.count == 1
    await one.wait(1)
    assert one.residency("echo") == "cold"


async def test_a_load_whose_process_cannot_be_looked_at_stays_nobody_s(harness, monkeypatch):
    monkeypatch.setattr("greenroom.controller.load_watch._INTERVAL", 0.0)
    one = await harness()
    looks = Breaks(monkeypatch, ScriptedProcesses, "look")
    looks.on = True
    with one.triton.holding("load", "tts"):
        touch = asyncio.create_task(one.controller.touch("tts"))
        async with asyncio.timeout(30):
            while not looks.count:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await one.settle()
    with pytest.raises(GreenroomError, match="failed unexpectedly"):
        await touch
    assert "tts" not in one.triton.loaded
    assert one.metric("internal_errors_total") == 1

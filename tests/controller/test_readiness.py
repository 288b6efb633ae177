"""What is said of a service that cannot be used as it should be."""

import asyncio

import pytest
from scripted_processes import ScriptedProcesses

from greenroom.controller import load_watch
from greenroom.controller.load_watch import LoadWatch
from greenroom.triton.backend_processes import Look

LIVES, GONE, ZOMBIE = Look(True, False), Look(False, False), Look(False, True)
UNSEEN = None


async def test_a_pinned_model_that_does_not_come_is_named(harness):
    one = await harness()
    one.triton.fail("load", "tts")
    one.controller.change_policy("tts", {"pinned": True})
    await one.settle()
    reason = "Model tts is pinned, but cannot be loaded: weights.bin is not there."
    assert one.controller.why_not_serving() == reason
    assert one.controller.why_not_serving("asr") == reason
    one.triton.errors.clear()
    await one.wait(1)
    assert one.controller.why_not_serving() is None


async def test_a_load_that_takes_longer_than_it_did_is_named(harness, monkeypatch):
    one = await harness()
    await one.used("tts")
    await one.controller.act("tts", "unload")
    with one.triton.holding("load", "tts"):
        waiting = await one.ask("tts")
        assert one.controller.why_not_serving() is None
        monkeypatch.setattr("greenroom.controller.transitions._AND_A_BIT", -1)
        assert one.controller.why_not_serving().startswith("The load of model tts has taken 0 s")
    await waiting
    assert one.controller.why_not_serving() is None


@pytest.mark.parametrize(
    ("looks", "hangs"),
    [
        ([LIVES, GONE, GONE], True),
        ([ZOMBIE, ZOMBIE], True),
        ([GONE] * 5, True),
        ([GONE] * 4, False),
        ([LIVES, GONE, LIVES, GONE, LIVES], False),
        ([ZOMBIE, LIVES, ZOMBIE], False),
        ([UNSEEN] * 9, False),
    ],
)
async def test_a_load_without_a_process_hangs(monkeypatch, looks, hangs):
    monkeypatch.setattr(load_watch, "_INTERVAL", 0)
    over, left = asyncio.Event(), list(looks)

    class Processes(ScriptedProcesses):
        async def look(self, model, since):
            if left:
                return left.pop(0)
            over.set()
            return await asyncio.Future()

    watching = asyncio.create_task(LoadWatch(Processes()).no_process("tts"))
    ended = asyncio.create_task(over.wait())
    await asyncio.wait((watching, ended), return_when=asyncio.FIRST_COMPLETED)
    assert watching.done() == hangs
    for task in (watching, ended):
        task.cancel()

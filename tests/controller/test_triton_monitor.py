"""The controller follows Triton: reads back what runs, waits for one that is away."""

import asyncio

import pytest
from scripted_triton import ScriptedTriton

from greenroom.errors import ServerDown
from greenroom.residency.control import Report
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action


async def test_a_new_controller_goes_on_with_what_is_loaded(harness):
    one = await harness(loaded=["tts", "echo"])
    assert one.residency("tts") == "hot"
    assert one.residency("echo") == "hot"
    assert one.residency("asr") == "cold"
    assert one.controller.view.describe("tts")["idle_seconds"] == 0


async def test_ready_counts_as_hot_until_the_report_says_warm(harness):
    triton = ScriptedTriton()
    triton.reports["tts"] = Report(residency="warm", host_bytes=7, pid=99)
    with triton.holding("report", "tts"):
        one = await harness(triton=triton, loaded=["tts"])
        assert one.residency("tts") == "hot"
    await one.settle()
    assert one.residency("tts") == "warm"
    shown = one.controller.view.describe("tts")
    assert (shown["device_bytes"], shown["host_bytes"], shown["pid"]) == (0, 7, 99)


async def test_a_model_that_does_not_report_at_start_stays_hot(harness):
    quiet = ScriptedTriton()
    quiet.fail("report", "tts", message="No.")
    one = await harness(triton=quiet, loaded=["tts"])
    assert one.residency("tts") == "hot"


async def test_requests_wait_for_a_triton_that_is_not_there_yet(harness):
    one = await harness(up=False)
    assert one.controller.why_not_serving() == "Triton does not answer."
    waiter = await one.ask("tts")
    one.triton.come()
    await waiter
    assert one.controller.why_not_serving() is None


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
async def test_a_load_that_dies_with_triton_is_done_again_by_the_next_one(harness, noticed):
    one = await harness()
    with one.triton.holding("load", "tts"):
        waiter = await one.ask("tts")
        one.triton.die(noticed)
        await one.settle()
        assert one.residency("tts") == "cold"
        assert not waiter.done()
    one.triton.die()
    await one.settle()
    one.triton.come()
    await waiter
    assert one.triton.count("load", "tts") == 2


async def test_manual_actions_fail_with_triton(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        asked = asyncio.create_task(one.controller.act("tts", Action.LOAD))
        await one.settle()
        one.triton.die()
        with pytest.raises(ServerDown, match="Triton stopped before the action was done"):
            await asked


async def test_what_models_reported_is_forgotten_with_triton(harness):
    one = await harness(loaded=["tts"])
    assert one.controller.view.describe("tts")["pid"] == 4242
    one.triton.die()
    await one.settle()
    assert one.controller.view.describe("tts")["pid"] is None
    assert one.residency("tts") == "cold"


async def test_pinned_models_come_back_with_triton(harness):
    one = await harness(policy={"asr": Policy(pinned=True)})
    assert one.residency("asr") == "hot"
    one.triton.die()
    await one.settle()
    one.triton.come()
    await one.settle()
    assert one.residency("asr") == "hot"
    assert one.triton.count("load", "asr") == 2


async def test_a_look_at_the_connection_is_enough_to_notice_that_triton_is_gone(harness):
    one = await harness(loaded=["tts"])
    await one.controller.triton_monitor.check()
    assert one.controller.why_not_serving() is None
    one.triton.die()
    await one.controller.triton_monitor.check()
    assert one.controller.why_not_serving() == "Triton does not answer."


async def test_a_triton_whose_models_can_not_be_read_is_asked_again(harness, monkeypatch):
    monkeypatch.setattr("greenroom.controller.triton_monitor._READ_AGAIN", 0)
    one = await harness(up=False)
    one.triton.unreadable = 3
    one.triton.come("tts")
    await one.settle()
    assert one.triton.unreadable == 0
    assert one.residency("tts") == "hot"

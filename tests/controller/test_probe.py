"""What the periodic probe finds without traffic."""

from greenroom.errors import (
    BackendDied,
)
from greenroom.residency.control import Report
from greenroom.residency.policy import Policy


async def test_the_probe_asks_who_is_idle_and_nobody_else(harness):
    one = await harness(loaded=["tts", "asr", "echo"], probe_interval=30)
    one.triton.calls.clear()
    ticket = await one.lease("asr")
    await one.wait(29)
    assert one.triton.count("report") == 0
    await one.wait(1)
    assert one.triton.calls == [("report", "tts")]
    await one.release(ticket)
    await one.wait(30)
    assert one.triton.count("report", "tts") == 2
    assert one.triton.count("report", "asr") == 1


async def test_the_probe_is_no_use_and_wakes_nobody(harness):
    one = await harness(loaded=["tts"], probe_interval=30, policy={"tts": Policy(offload_after=45)})
    one.triton.reports["tts"] = Report(residency="hot")
    await one.wait(44)
    assert one.residency("tts") == "hot"
    await one.wait(1)
    assert one.residency("tts") == "warm"
    one.triton.reports["tts"] = Report(residency="warm")
    await one.wait(300)
    assert one.residency("tts") == "warm"
    assert one.triton.count("restore") == one.triton.count("load") == 0


async def test_a_model_that_does_not_answer_the_probe_for_being_dead_heals(harness):
    one = await harness(loaded=["tts"], probe_interval=30)
    one.processes.seen = True
    one.triton.calls.clear()
    one.triton.errors["report", "tts"] = BackendDied("tts_0_0")
    with one.triton.holding("begin_unload", "tts"):
        await one.wait(30)
        assert one.residency("tts") == "unloading"
        one.triton.errors.clear()
    await one.settle()
    assert one.residency("tts") == "hot"


async def test_a_probe_that_is_answered_late_says_nothing(harness, caplog):
    one = await harness(loaded=["tts"], probe_interval=30, control_timeout=1e-9)
    with one.triton.holding("report", "tts"):
        await one.wait(30)
        await one.wait(30)
    assert caplog.text.count("took longer than control_timeout") == 2
    assert one.residency("tts") == "hot"
    assert one.triton.count("begin_unload") == 0


async def test_a_report_corrects_the_state(harness):
    one = await harness(loaded=["tts"], probe_interval=30)
    one.triton.reports["tts"] = Report(residency="warm")
    await one.wait(30)
    assert one.residency("tts") == "warm"

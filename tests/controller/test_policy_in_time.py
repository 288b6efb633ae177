"""The idle policy by the controller's clock."""

from model_folders import write_model

from greenroom.residency.policy import Policy


async def test_an_idle_model_is_offloaded_and_then_unloaded(harness):
    one = await harness(policy={"tts": Policy(offload_after=1, unload_after=60)})
    await one.used("tts")
    await one.wait(0.9)
    assert one.residency("tts") == "hot"
    await one.wait(0.1)
    assert one.residency("tts") == "warm"
    await one.wait(58.9)
    assert one.residency("tts") == "warm"
    await one.wait(0.1)
    assert one.residency("tts") == "cold"
    assert [call[0] for call in one.triton.calls] == ["load", "report", "offload", "unload"]


async def test_looking_does_not_keep_a_model(harness):
    one = await harness(policy={"tts": Policy(offload_after=1, unload_after=2)}, loaded=["tts"])
    for _ in range(19):
        await one.wait(0.1)
        one.controller.view.describe("tts")
        one.controller.view.observe()
        one.controller.why_not_serving("tts")
        await one.controller.triton_monitor.check()
    assert one.residency("tts") == "warm"
    await one.wait(0.11)
    assert one.residency("tts") == "cold"


async def test_a_request_before_the_time_keeps_a_model(harness):
    one = await harness(policy={"tts": Policy(offload_after=1)}, loaded=["tts"])
    await one.wait(0.9)
    await one.used("tts")
    await one.wait(0.9)
    assert one.residency("tts") == "hot"
    await one.wait(0.1)
    assert one.residency("tts") == "warm"


async def test_a_model_added_while_the_service_runs_is_idle_from_then_on(harness):
    one = await harness()
    await one.wait(500)
    write_model(one.models, "late")
    assert one.controller.knows("late")
    assert one.controller.view.describe("late")["idle_seconds"] == 0


async def test_the_clock_is_not_asked_without_need(harness):
    one = await harness(policy={"tts": Policy(offload_after=1)})
    one.triton.fail("load", "tts")
    assert (await one.ask("tts")).exception()
    one.triton.errors.clear()
    waiter = await one.ask("tts")
    with one.triton.holding("load", "tts"):
        await one.wait(1)
        pending = [timer for timer in one.clock.timers if not timer.cancelled]
        assert all(timer.when > one.clock.now() for timer in pending)
    await waiter

"""Manual actions through the controller."""

import asyncio
import shutil

import pytest

from greenroom.errors import Conflict, GreenroomError, ServerDown, UnknownModel
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action


async def begun(harness, work):
    task = asyncio.create_task(work)
    await harness.settle()
    return task


async def test_the_same_actions_join_and_all_are_answered(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        asked = [await begun(one, one.controller.act("tts", Action.LOAD)) for _ in range(3)]
    await asyncio.gather(*asked)
    assert one.triton.count("load", "tts") == 1
    assert one.residency("tts") == "hot"


async def test_an_action_goes_on_when_the_one_who_asked_leaves_and_another_waits(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        first = await begun(one, one.controller.act("tts", Action.LOAD))
        second = await begun(one, one.controller.act("tts", Action.LOAD))
        first.cancel()
    await second
    assert one.residency("tts") == "hot"


async def test_offload_and_restore_are_control_requests(harness):
    one = await harness(loaded=["tts"])
    await one.controller.act("tts", Action.OFFLOAD)
    assert one.residency("tts") == "warm"
    assert one.controller.view.describe("tts")["device_bytes"] == 0
    await one.controller.act("tts", Action.RESTORE)
    assert one.controller.view.describe("tts")["device_bytes"] == 640
    assert [call[0] for call in one.triton.calls] == ["report", "offload", "restore"]


async def test_a_control_that_takes_too_long_fails_and_the_model_stays_where_it_was(harness):
    one = await harness(loaded=["tts"], control_timeout=0.02)
    with one.triton.holding("offload", "tts"), pytest.raises(GreenroomError) as caught:
        await one.controller.act("tts", Action.OFFLOAD)
    assert str(caught.value) == (
        "The offload of model tts took longer than control_timeout (0.02 s)."
    )
    assert one.residency("tts") == "hot"


async def test_an_unload_waits_for_the_leases(harness):
    one = await harness(loaded=["echo"])
    lease = await one.lease("echo")
    unload = await begun(one, one.controller.act("echo", Action.UNLOAD))
    assert one.triton.calls == []
    await one.release(lease)
    await unload
    assert one.triton.calls == [("unload", "echo")]


async def test_a_request_that_waited_first_is_served_before_an_unload(harness):
    one = await harness()
    with one.triton.holding("load", "echo"):
        waiter = await one.ask("echo")
        unload = await begun(one, one.controller.act("echo", Action.UNLOAD))
    lease = await waiter
    assert not unload.done()
    await one.release(lease)
    await unload
    assert one.triton.calls == [("load", "echo"), ("unload", "echo")]


async def test_a_failed_action_is_told_with_its_reason(harness):
    one = await harness()
    one.triton.fail("load", "tts")
    with pytest.raises(GreenroomError, match=r"weights\.bin is not there\."):
        await one.controller.act("tts", Action.LOAD)


async def test_a_load_of_an_ensemble_loads_its_steps_by_hand(harness):
    one = await harness(policy={"tts": Policy(offload_after=0, unload_after=0)})
    await one.controller.act("speech", Action.LOAD)
    assert one.residency("speech") == "hot"
    await one.wait(1e6)
    assert one.residency("tts") == "hot"


async def test_what_can_not_be_done_is_a_conflict(harness):
    one = await harness()
    with pytest.raises(Conflict, match="Model tts is cold"):
        await one.controller.act("tts", Action.OFFLOAD)
    with pytest.raises(Conflict, match="Model echo does not take the RESIDENCY input"):
        await one.controller.act("echo", Action.RESTORE)
    with pytest.raises(UnknownModel, match="'nothing'"):
        await one.controller.act("nothing", Action.LOAD)
    with pytest.raises(UnknownModel, match="'nothing'"):
        await one.controller.touch("nothing")


async def test_actions_fail_at_once_while_triton_is_away(harness):
    one = await harness(up=False)
    with pytest.raises(ServerDown, match="Triton does not answer"):
        await asyncio.wait_for(one.controller.act("tts", Action.LOAD), 5)


async def test_the_repository_call_loads_a_cold_model_and_leaves_a_loaded_one_alone(harness):
    one = await harness()
    await one.controller.load_from_repository("echo")
    await one.controller.load_from_repository("echo")
    assert one.triton.calls == [("load", "echo")]


async def test_the_repository_call_loads_a_changed_model_again_after_its_leases(harness):
    one = await harness()
    lease = await one.lease("echo")
    (one.models / "echo" / "1" / "model.py").write_text("changed = True\n")
    load = await begun(one, one.controller.load_from_repository("echo"))
    assert one.triton.calls == [("load", "echo")]
    await one.release(lease)
    await load
    assert one.triton.calls == [("load", "echo"), ("unload", "echo"), ("load", "echo")]


async def test_a_change_is_seen_in_what_an_earlier_controller_loaded(harness):
    one = await harness(loaded=["echo"])
    await one.controller.load_from_repository("echo")
    assert one.triton.calls == []
    (one.models / "echo" / "1" / "model.py").write_text("changed = True\n")
    await one.controller.load_from_repository("echo")
    assert one.triton.calls == [("unload", "echo"), ("load", "echo")]


async def test_overrides_count_even_if_a_request_waits_for_the_load(harness):
    one = await harness(loaded=["echo"])
    with one.triton.holding("unload", "echo"):
        load = await begun(one, one.controller.load_from_repository("echo", {"config": "{}"}))
        waiter = await one.ask("echo")
    await asyncio.gather(load, waiter)
    assert one.triton.calls == [("unload", "echo"), ("load", "echo", {"config": "{}"})]


async def test_a_model_whose_folder_is_gone_can_be_unloaded_but_not_loaded(harness):
    one = await harness(loaded=["echo"])
    shutil.rmtree(one.models / "echo")
    one.repository.scan()
    await one.controller.act("echo", Action.UNLOAD)
    with pytest.raises(UnknownModel, match="'echo' is not in the model repositories"):
        await one.controller.act("echo", Action.LOAD)
    assert one.residency("echo") == "cold"

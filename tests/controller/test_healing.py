"""Dead and stopped processes: how they are found, and what becomes of who needs them."""

import asyncio
import shutil

import pytest

from greenroom.errors import (
    BackendDied,
    DiedMidAnswer,
    GreenroomError,
    OutOfMemory,
    TransitionFailed,
    UnknownModel,
)
from greenroom.gateway.lease import Leased
from greenroom.residency.control import OUT_OF_MEMORY, Report, coded
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action
from greenroom.triton.restart_request import ask_for_restart

HEAL = [("begin_unload", "tts"), ("load", "tts"), ("report", "tts")]


class Sending:
    """A request that Triton answers in turn with each of `answers`, when the test lets it."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.go = asyncio.Event()
        self.count = 0

    async def __call__(self):
        self.count += 1
        await self.go.wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def loaded(harness):
    """Return a maker of harnesses in which tts is hot and all processes can be seen."""

    async def make(**options):
        one = await harness(loaded=["tts"], **options)
        one.processes.seen = True
        one.triton.calls.clear()
        return one

    return make


def found(caplog):
    return [r.message for r in caplog.records if "is dead or stopped" in r.message]


async def send(harness, sending, model="tts"):
    task = asyncio.create_task(
        Leased(harness.controller, harness.settings).run(model, "", 1, sending)
    )
    await harness.settle()
    return task


async def test_a_request_that_fails_with_its_process_is_sent_again_to_the_next_one(loaded, caplog):
    one = await loaded()
    sending = Sending(BackendDied("tts_0_0"), "answer")
    sending.go.set()
    assert await (await send(one, sending)) == "answer"
    assert one.triton.calls == HEAL
    assert one.processes.killed == ["tts"]
    assert found(caplog) == [
        "The process of model tts is dead or stopped (a request failed with it)"
    ]
    assert one.metric("heals_total", model="tts") == 1
    assert one.controller.entry("tts").demand.leases == 0


async def test_what_else_the_process_had_is_not_waited_for(loaded):
    one = await loaded()
    failing, hanging = Sending(BackendDied("tts_0_0"), "first"), Sending("second")
    tasks = [await send(one, failing), await send(one, hanging)]
    failing.go.set()
    await one.settle()
    assert hanging.count == 2
    hanging.go.set()
    assert await asyncio.gather(*tasks) == ["first", "second"]
    assert one.triton.calls == HEAL


async def test_a_client_that_has_left_is_not_sent_again(loaded):
    one = await loaded()
    sending = Sending()
    task = await send(one, sending)
    task.cancel()
    one.processes.on_end("tts")
    await asyncio.wait([task])
    await one.settle()
    assert sending.count == 1
    assert one.residency("tts") == "hot"
    assert one.controller.entry("tts").demand.leases == 0


@pytest.mark.parametrize("steps", range(4))
async def test_a_client_that_leaves_as_the_process_dies_has_left(loaded, steps):
    one = await loaded()
    with one.triton.holding("begin_unload", "tts"):
        task = await send(one, Sending())
        one.processes.on_end("tts")
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert one.controller.entry("tts").demand.waiting == 0


async def test_the_end_of_a_process_is_enough(loaded):
    one = await loaded()
    one.processes.on_end("tts")
    await one.settle()
    assert one.triton.calls == HEAL
    assert one.residency("tts") == "hot"


async def test_an_answer_that_has_begun_is_not_begun_again(loaded):
    one = await loaded()
    sending = Sending(DiedMidAnswer("tts_0_0"))
    sending.go.set()
    with pytest.raises(DiedMidAnswer, match=r"tts_0_0 died in the middle of its answer\."):
        await (await send(one, sending))
    await one.settle()
    assert one.triton.calls == HEAL


async def test_an_answer_that_breaks_off_the_second_time_is_told_as_such(loaded):
    one = await loaded()
    sending = Sending(BackendDied("tts_0_0"), DiedMidAnswer("tts_0_0"))
    sending.go.set()
    with pytest.raises(DiedMidAnswer, match=r"in the middle of its answer\.$"):
        await (await send(one, sending))


async def test_the_step_of_an_ensemble_that_died_is_told_by_its_instance(harness):
    one = await harness()
    one.processes.seen = True
    sending = Sending(BackendDied("asr_0_0"), "answer")
    sending.go.set()
    assert await (await send(one, sending, "speech")) == "answer"
    assert one.triton.count("begin_unload") == one.triton.count("begin_unload", "asr") == 1


async def test_a_request_that_may_have_passed_the_dead_step_is_waited_for(harness):
    one = await harness()
    one.processes.seen = True
    sending = Sending("answer")
    task = await send(one, sending, "speech")
    one.processes.on_end("asr")
    await one.settle()
    assert one.triton.count("begin_unload", "asr") == 1
    sending.go.set()
    assert await task == "answer"
    assert sending.count == 1


async def test_a_late_word_of_a_process_that_was_replaced_kills_nothing(harness):
    one = await harness()
    one.processes.seen = True
    sending = Sending(BackendDied("asr_0_0"), "answer")
    task = await send(one, sending, "speech")
    await one.wait(1)
    one.processes.on_end("asr")
    await one.settle()
    sending.go.set()
    assert await task == "answer"
    assert one.triton.count("begin_unload", "asr") == 1


async def test_a_touch_outlives_a_heal(loaded):
    one = await loaded()
    with one.triton.holding("begin_unload", "tts"):
        one.processes.on_end("tts")
        touch = asyncio.create_task(one.controller.touch("tts"))
        await one.settle()
    await touch
    assert one.residency("tts") == "hot"


# -- the probe ------------------------------------------------------------------------------


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


# -- what cannot be seen, and what does not end ---------------------------------------------


async def test_triton_is_restarted_when_a_dead_process_is_out_of_sight_and_stays(
    loaded, monkeypatch
):
    monkeypatch.setattr("greenroom.controller.unloading._UNSEEN", 0.02)
    one = await loaded()
    one.processes.seen = False
    with one.triton.holding("settled", "tts"):
        one.processes.on_end("tts")
        await one.settle()
        while one.residency("tts") == "unloading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    request = one.settings.runtime / "triton.restart"
    reason = "The process of model tts does not exit and cannot be killed from here."
    assert request.read_text() == reason
    assert one.controller.view.describe("tts")["last_error"].startswith(reason)


async def test_a_request_for_a_restart_that_nobody_takes_is_told(loaded, monkeypatch):
    monkeypatch.setattr("greenroom.controller.unloading._UNSEEN", 0.02)
    one = await loaded()
    one.processes.seen = False
    assert ask_for_restart(one.settings, "An earlier one.")
    with one.triton.holding("settled", "tts"):
        one.processes.on_end("tts")
        await one.settle()
        while one.residency("tts") == "unloading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    told = one.controller.view.describe("tts")["last_error"]
    assert "Nobody has picked up the request" in told
    assert told.endswith("set the same GREENROOM_SHARED_DIR for it and the controller.")


async def test_a_touch_does_not_take_a_dead_process_for_a_hot_model(loaded, monkeypatch):
    monkeypatch.setattr("greenroom.controller.unloading._UNSEEN", 0.02)
    one = await loaded()
    one.processes.seen = False
    await one.controller.act("tts", Action.OFFLOAD)
    with one.triton.holding("settled", "tts"):
        with one.triton.holding("restore", "tts"):
            touch = asyncio.create_task(one.controller.touch("tts"))
            await one.settle()
            one.processes.on_end("tts")
        await one.settle()
        while one.residency("tts") == "unloading":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await one.settle()
    assert not touch.done()
    await one.wait(1)
    await touch


async def test_a_dead_process_out_of_sight_whose_unload_ends_needs_no_restart(loaded):
    one = await loaded()
    one.processes.seen = False
    one.processes.on_end("tts")
    await one.settle()
    assert one.residency("tts") == "hot"
    assert not (one.settings.runtime / "triton.restart").exists()


async def test_an_unload_that_does_not_end_is_ended(loaded, monkeypatch):
    one = await loaded(control_timeout=0.02)
    monkeypatch.setattr(one.processes, "gone", _never)
    with one.triton.holding("unload", "tts"):
        await one.controller.act("tts", Action.UNLOAD)
    assert one.processes.killed == ["tts"]
    assert one.residency("tts") == "cold"


async def _never(model):
    return False


async def test_an_unload_that_does_not_end_inside_of_triton_has_failed(loaded):
    """A model without a process of its own: nothing can be killed, nothing is known to be gone."""
    one = await loaded(control_timeout=0.02)
    config = one.models / "tts" / "config.pbtxt"
    config.write_text(config.read_text().replace('"python"', '"onnxruntime"'))
    one.repository.scan()
    with one.triton.holding("unload", "tts"), pytest.raises(TransitionFailed, match="control_t"):
        await one.controller.act("tts", Action.UNLOAD)
    assert one.processes.killed == []
    assert one.residency("tts") == "hot"


async def test_an_unload_of_a_process_that_is_gone_is_not_waited_for(loaded, monkeypatch):
    monkeypatch.setattr("greenroom.controller.unloading._LOOK_AGAIN", 0.02)
    one = await loaded()
    with one.triton.holding("unload", "tts"):
        await one.controller.act("tts", Action.UNLOAD)
    assert one.residency("tts") == "cold"


async def test_a_load_that_ends_just_as_its_process_is_killed_leaves_nothing(loaded, monkeypatch):
    one = await loaded(load_timeout=0.02)
    await one.controller.act("tts", Action.UNLOAD)
    held = one.triton.holding("load", "tts")

    async def end(model):
        held.__exit__(None, None, None)
        return True

    monkeypatch.setattr(one.processes, "end", end)
    held.__enter__()
    with pytest.raises(TransitionFailed, match="its process was killed"):
        await one.lease("tts")
    assert one.triton.count("begin_unload", "tts") == 1
    assert one.residency("tts") == "cold"


# -- after a failure the model itself says where it is ---------------------------------------


async def test_a_restore_that_lacks_memory_leaves_the_model_warm_and_says_why(loaded):
    one = await loaded()
    await one.controller.act("tts", Action.OFFLOAD)
    one.triton.refusals["restore", "tts"] = Report(
        residency="warm",
        host_bytes=640,
        error="640 bytes are not to be had.",
        error_code=OUT_OF_MEMORY,
    )
    with pytest.raises(GreenroomError, match="640 bytes are not to be had"):
        await one.controller.act("tts", Action.RESTORE)
    assert one.residency("tts") == "warm"
    shown = one.controller.view.describe("tts")
    assert (shown["device_bytes"], shown["host_bytes"]) == (0, 640)
    assert one.controller.entry("tts").memory.raised > 0
    one.triton.refusals.clear()
    waiter = await one.ask("tts")
    await one.wait(1)
    await waiter
    assert one.residency("tts") == "hot"


async def test_a_load_that_lacks_memory_needs_more_at_its_next_attempt(harness):
    one = await harness()
    one.controller.entry("tts").memory.estimate = 640
    one.triton.fail("load", "tts", message=f"Internal: {coded(OUT_OF_MEMORY, '640 bytes.')}")
    with pytest.raises(OutOfMemory, match=r"^Internal: 640 bytes\.$"):
        await one.controller.act("tts", Action.LOAD)
    assert one.controller.entry("tts").memory.raised == 160


async def test_an_offload_that_failed_is_believed_to_have_gone_where_the_report_says(loaded):
    one = await loaded()
    one.triton.refusals["offload", "tts"] = Report(residency="warm", error="Late.")
    with pytest.raises(GreenroomError, match="Late"):
        await one.controller.act("tts", Action.OFFLOAD)
    assert one.residency("tts") == "warm"
    assert one.controller.view.describe("tts")["last_error"] == "Late."


async def test_a_model_that_did_not_answer_in_time_is_asked_where_it_is(loaded):
    one = await loaded(control_timeout=0.02)
    one.triton.reports["tts"] = Report(residency="warm")
    with one.triton.holding("offload", "tts"), pytest.raises(TransitionFailed, match="control_t"):
        await one.controller.act("tts", Action.OFFLOAD)
    await one.settle()
    assert one.residency("tts") == "warm"


async def test_a_model_whose_folder_is_gone_is_unknown_once_it_is_cold(loaded):
    one = await loaded()
    shutil.rmtree(one.models / "tts")
    await one.used("tts")
    await one.controller.act("tts", Action.UNLOAD)
    assert not one.controller.knows("tts")
    with pytest.raises(UnknownModel):
        await one.controller.act("tts", Action.LOAD)

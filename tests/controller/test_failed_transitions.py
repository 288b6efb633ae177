"""After a failure the model itself says where it is."""

import shutil

import pytest

from greenroom.errors import (
    GreenroomError,
    OutOfMemory,
    TransitionFailed,
    UnknownModel,
)
from greenroom.residency.control import OUT_OF_MEMORY, Report, coded
from greenroom.residency.states import Action


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

"""Processes that cannot be seen, and unloads that do not end."""

import asyncio

import pytest

from greenroom.errors import (
    TransitionFailed,
)
from greenroom.residency.states import Action
from greenroom.triton.restart_request import ask_for_restart


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
    monkeypatch.setattr(one.processes, "none_runs", _never)
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

"""A touch calls a model ahead of a request."""

import asyncio

import pytest

from greenroom.errors import TransitionFailed
from greenroom.residency.policy import Policy


async def test_a_touch_returns_when_the_model_is_hot(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        touch = asyncio.create_task(one.controller.touch("tts"))
        await one.settle()
        assert not touch.done()
    await touch
    assert one.residency("tts") == "hot"
    assert one.controller.view.describe("tts")["leases"] == 0


async def test_a_touch_waits_for_the_restore_of_a_warm_model(harness):
    one = await harness(policy={"tts": Policy(offload_after=1)})
    await one.controller.touch("tts")
    await one.wait(1)
    assert one.residency("tts") == "warm"
    with one.triton.holding("restore", "tts"):
        touch = asyncio.create_task(one.controller.touch("tts"))
        await one.settle()
        assert one.residency("tts") == "restoring"
        assert not touch.done()
    await touch
    assert one.residency("tts") == "hot"


async def test_a_touch_starts_the_idle_clock_like_a_request_that_has_just_ended(harness):
    one = await harness(policy={"tts": Policy(offload_after=10)})
    await one.controller.touch("tts")
    await one.wait(9)
    await one.controller.touch("tts")
    await one.wait(9)
    assert one.residency("tts") == "hot"
    await one.wait(1)
    assert one.residency("tts") == "warm"


async def test_a_touch_of_an_ensemble_calls_its_steps_and_then_itself(harness):
    one = await harness()
    await one.controller.touch("speech")
    assert sorted(one.triton.calls[:2]) == [("load", "asr"), ("load", "tts")]
    assert ("load", "speech") in one.triton.calls[2:]


async def test_a_touch_that_leaves_frees_its_place(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        touch = asyncio.create_task(one.controller.touch("tts"))
        await one.settle()
        assert one.controller.view.describe("tts")["waiting"] == 1
        touch.cancel()
        await one.settle()
        assert one.controller.view.describe("tts")["waiting"] == 0


async def test_a_touch_says_why_a_load_failed(harness):
    one = await harness()
    one.triton.fail("load", "tts")
    with pytest.raises(TransitionFailed, match=r"weights\.bin is not there"):
        await one.controller.touch("tts")


async def test_a_touch_says_why_a_restore_failed(harness):
    one = await harness(policy={"tts": Policy(offload_after=1)})
    await one.controller.touch("tts")
    await one.wait(1)
    one.triton.fail("restore", "tts", message="Out of memory.")
    with pytest.raises(TransitionFailed, match="Out of memory"):
        await one.controller.touch("tts")
    assert one.residency("tts") == "warm"
    assert one.controller.view.describe("tts")["leases"] == 0


async def test_a_touch_waits_for_the_next_triton(harness):
    one = await harness(policy={"tts": Policy(offload_after=1)})
    await one.controller.touch("tts")
    await one.wait(1)
    with one.triton.holding("restore", "tts"):
        touch = asyncio.create_task(one.controller.touch("tts"))
        await one.settle()
        one.triton.die()
        await one.settle()
    one.triton.come()
    await touch
    assert one.triton.count("load", "tts") == 2

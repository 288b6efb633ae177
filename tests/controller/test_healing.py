"""Dead and stopped processes: how they are found, and what becomes of who needs them."""

import asyncio

import pytest

from greenroom.errors import (
    BackendDied,
    DiedMidAnswer,
)
from greenroom.gateway.lease import Leased

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

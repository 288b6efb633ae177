"""Leases as the gateway asks for them: loads for everyone, and clients that leave."""

import asyncio
from contextlib import ExitStack

import pytest

from greenroom.errors import QueueFull, TransitionFailed, Unavailable, WaitedTooLong
from greenroom.residency.policy import Policy
from greenroom.residency.states import Action


async def test_fifty_waiters_are_served_by_one_load(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        waiters = [await one.ask("tts") for _ in range(50)]
        assert one.controller.entry("tts").demand.waiting == 50
    tickets = await asyncio.gather(*waiters)
    assert one.triton.count("load", "tts") == 1
    assert one.controller.entry("tts").demand.leases == 50
    for ticket in tickets:
        await one.release(ticket)
    assert one.controller.entry("tts").demand.leases == 0


async def test_a_hot_model_is_leased_without_a_wait(harness):
    one = await harness(loaded=["tts"])
    leasing = one.controller.lease("tts").__aenter__()
    with pytest.raises(StopIteration):
        leasing.send(None)
    assert one.controller.entry("tts").demand.leases == 1


async def test_a_waiter_that_is_cancelled_frees_its_place_and_the_load_goes_on(harness):
    one = await harness(policy={"tts": Policy(max_waiting=1, offload_after=-1)})
    with one.triton.holding("load", "tts"):
        first = await one.ask("tts")
        with pytest.raises(QueueFull):
            await one.lease("tts")
        first.cancel()
        await one.settle()
        assert one.controller.entry("tts").demand.waiting == 0
        second = await one.ask("tts")
    await second
    assert one.triton.count("load", "tts") == 1


async def test_a_lease_granted_in_the_moment_in_which_its_asker_leaves_is_released(harness):
    one = await harness()
    with one.triton.holding("load", "tts"):
        waiter = await one.ask("tts")
    while one.controller.entry("tts").demand.leases == 0:  # noqa: ASYNC110
        await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert one.controller.entry("tts").demand.leases == 0
    assert one.controller.entry("tts").demand.waiting == 0


async def test_a_refusal_that_comes_before_its_asker_listens_is_still_told(harness):
    one = await harness()
    one.triton.fail("load", "tts")

    async def later(granted):
        await one.settle()
        await granted

    with pytest.raises(TransitionFailed, match=r"weights\.bin"):
        async with one.controller.lease("tts", later):
            pass


async def test_who_gives_a_lease_up_before_it_listened_is_forgotten(harness):
    one = await harness()

    async def gone(granted):
        raise ConnectionError

    async def gone_when_granted(granted):
        await granted
        raise ConnectionError

    with one.triton.holding("load", "tts"), pytest.raises(ConnectionError):
        async with one.controller.lease("tts", gone):
            pass
    assert one.controller.entry("tts").demand.waiting == 0
    await one.controller.act("tts", Action.UNLOAD)
    with pytest.raises(ConnectionError):
        async with one.controller.lease("tts", gone_when_granted):
            pass
    assert one.controller.entry("tts").demand.leases == 0


async def test_a_lease_lasts_until_all_work_has_ended_though_its_client_has_left(harness):
    one = await harness(loaded=["tts"])
    ends, over = [asyncio.Event(), asyncio.Event()], []

    async def client():
        async with one.controller.lease("tts") as lease:
            lease.then(lambda: over.append(True))
            await asyncio.gather(*(lease.run(end.wait) for end in ends))

    task = asyncio.create_task(client())
    await one.settle()
    task.cancel()
    await asyncio.wait([task])
    ends[0].set()
    await one.settle()
    assert one.controller.entry("tts").demand.leases == 1
    assert not over
    ends[1].set()
    await one.settle()
    assert one.controller.entry("tts").demand.leases == 0
    assert over


async def test_a_failed_load_answers_each_waiter_and_the_next_request_is_served(harness):
    one = await harness()
    one.triton.fail("load", "tts")
    with one.triton.holding("load", "tts"):
        waiters = [await one.ask("tts") for _ in range(3)]
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    assert [str(answer) for answer in answers] == [
        "The load of model tts failed: weights.bin is not there."
    ] * 3
    assert one.controller.why_not_serving("tts") == "Model tts failed: weights.bin is not there."
    assert one.controller.view.describe("tts")["last_error"] == "weights.bin is not there."

    one.triton.errors.clear()
    again = await one.ask("tts")
    assert one.triton.count("load", "tts") == 1
    await one.wait(1)
    await again
    assert one.triton.count("load", "tts") == 2
    assert one.controller.why_not_serving("tts") is None


async def test_a_request_is_refused_when_it_has_waited_too_long(harness):
    one = await harness(policy={"tts": Policy(max_wait=7)})
    with one.triton.holding("load", "tts"):
        waiter = await one.ask("tts")
        await one.wait(6.9)
        assert not waiter.done()
        await one.wait(0.1)
        with pytest.raises(WaitedTooLong):
            await waiter


async def test_a_load_that_hangs_is_ended_at_load_timeout(harness, monkeypatch):
    one = await harness(load_timeout=0.02)
    hanging = ExitStack()
    hanging.enter_context(one.triton.holding("load", "tts"))

    async def kill(model):
        one.triton.fail("load", model, message="Stub process is not healthy.")
        hanging.close()
        return True

    monkeypatch.setattr(one.processes, "end", kill)
    with pytest.raises(TransitionFailed) as caught:
        await one.lease("tts")
    assert str(caught.value) == (
        "The load of model tts failed: Loading model tts took longer than load_timeout (0.02 s); "
        "its process was killed."
    )


async def test_a_hanging_load_whose_process_is_out_of_sight_is_given_up(harness, monkeypatch):
    monkeypatch.setattr("greenroom.controller.transitions._AFTER_KILL", 0.02)
    one = await harness(load_timeout=0.02)
    unseen = pytest.raises(TransitionFailed, match="its process cannot be killed from here")
    with one.triton.holding("load", "tts"), unseen:
        await one.lease("tts")


async def test_a_model_that_loads_but_does_not_report_is_unloaded_again(harness):
    one = await harness()
    one.triton.fail("report", "tts", message="No such input.")
    with pytest.raises(TransitionFailed, match="No such input"):
        await one.lease("tts")
    assert one.triton.calls == [("load", "tts"), ("report", "tts"), ("unload", "tts")]
    assert one.residency("tts") == "cold"


async def test_a_request_for_an_ensemble_loads_its_steps_first(harness):
    one = await harness()
    await one.lease("speech")
    assert [call for call in one.triton.calls if call[0] == "load"] == [
        ("load", "asr"),
        ("load", "tts"),
        ("load", "speech"),
    ]
    assert one.controller.entry("tts").demand.leases == 1


async def test_a_drain_waits_for_the_leases_and_refuses_everyone_else(harness):
    one = await harness(loaded=["asr"])
    lease = await one.lease("asr")
    with one.triton.holding("load", "tts"):
        waiting = await one.ask("tts")
        draining = asyncio.create_task(one.controller.drain(60))
        await one.settle()
        with pytest.raises(Unavailable, match="shutting down"):
            await waiting
        with pytest.raises(Unavailable, match="shutting down"):
            await one.lease("asr")
        assert not draining.done()
        assert one.controller.why_not_serving() == "The service is shutting down."
        await one.release(lease)
        await draining


async def test_a_drain_ends_in_its_time_though_a_lease_does_not(harness):
    one = await harness(loaded=["asr"])
    await one.lease("asr")
    await asyncio.wait_for(one.controller.drain(0.02), 5)

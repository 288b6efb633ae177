"""One request's way through the gateway: lease, send, release, once more if Triton dies."""

import asyncio
import time
from contextlib import suppress
from functools import partial

import pytest

from greenroom.controller.metrics import OUTCOMES
from greenroom.errors import (
    BackendDied,
    InvalidInput,
    QueueFull,
    ServerDown,
    TransitionFailed,
    TritonError,
)
from greenroom.gateway.disconnect import unless_left
from greenroom.gateway.lease import Leased
from greenroom.gateway.walk import RawPiece
from greenroom.residency.policy import Policy


class Sending:
    """Requests that reach Triton and stay there until the test lets them end."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.begun = asyncio.Event()
        self.end = asyncio.Event()
        self.count = 0

    async def __call__(self):
        self.count += 1
        self.begun.set()
        await self.end.wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def leases(harness, model="echo"):
    return harness.controller.entry(model).demand.leases


def outcome(harness, name, model="echo"):
    return harness.metric("requests_total", model=model, protocol="http", outcome=name)


async def begin(harness, send, **options):
    """Begin a request and return its task when it is with Triton."""
    leased = Leased(harness.controller, harness.settings)
    task = asyncio.create_task(leased.run("echo", "http", 1, send, **options))
    await send.begun.wait()
    return task


async def test_the_lease_lasts_from_before_the_request_is_sent_until_it_is_answered(harness):
    one = await harness()
    send = Sending("answer")
    task = await begin(one, send)
    assert leases(one) == 1
    send.end.set()
    assert await task == "answer"
    assert leases(one) == 0
    assert outcome(one, "served") == 1
    assert one.metric("request_seconds_count", model="echo", start="cold") == 1
    assert one.metric("wait_seconds_count", model="echo", start="cold") == 1


async def test_a_client_that_leaves_while_triton_works_does_not_end_the_lease(harness):
    one = await harness(policy={"echo": Policy(unload_after=0)})
    send = Sending("answer")
    task = await begin(one, send)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await one.wait(60)
    assert leases(one) == 1
    assert one.triton.count("unload") == 0
    assert outcome(one, "cancelled") == 1
    send.end.set()
    await one.settle()
    assert leases(one) == 0
    assert one.triton.count("unload", "echo") == 1


async def test_an_answer_that_is_an_error_ends_the_lease_too(harness):
    one = await harness()
    send = Sending(InvalidInput("AUDIO is empty."))
    send.end.set()
    with pytest.raises(InvalidInput):
        await Leased(one.controller, one.settings).run("echo", "http", 1, send)
    assert leases(one) == 0
    assert send.count == 1
    assert outcome(one, "invalid") == 1


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (400, "invalid"),
        (500, "failed"),
        (TritonError("AUDIO is empty.", "INVALID_ARGUMENT"), "invalid"),
        (TritonError("CUDA error", "INTERNAL"), "failed"),
    ],
)
async def test_an_answer_that_is_not_good_counts_as_whose_fault_it_is(harness, answer, counted):
    one = await harness()
    send = Sending(answer)
    send.end.set()
    with suppress(TritonError):
        leased = Leased(one.controller, one.settings)
        await leased.run("echo", "http", 1, send, status=lambda status: status)
    assert {name: outcome(one, name) for name in OUTCOMES} == dict.fromkeys(OUTCOMES, 0) | {
        counted: 1
    }
    assert one.metric("request_seconds_count", model="echo", start="cold") == 0


@pytest.mark.parametrize("noticed", [True, False], ids=["noticed", "unnoticed"])
async def test_a_request_that_triton_took_with_it_is_sent_once_more_to_the_next_one(
    harness, noticed
):
    one = await harness()
    send = Sending(ServerDown("Triton does not answer."), "answer")
    task = await begin(one, send)
    one.triton.die(noticed)
    send.end.set()
    await one.settle()
    assert send.count == 1
    assert leases(one) == 0
    one.triton.die()
    await one.settle()
    one.triton.come()
    assert await task == "answer"
    assert one.triton.count("load", "echo") == 2
    assert leases(one) == 0
    assert outcome(one, "served") == 1


async def test_a_broken_connection_to_a_triton_that_lives_is_tried_once_more(harness):
    one = await harness()
    send = Sending(ServerDown("Triton does not answer."), "answer")
    send.end.set()
    assert await Leased(one.controller, one.settings).run("echo", "http", 1, send) == "answer"
    assert one.triton.count("load", "echo") == 1


async def test_the_second_time_it_is_an_error(harness):
    one = await harness()
    send = Sending(*[ServerDown("Triton does not answer.")] * 2)
    send.end.set()
    with pytest.raises(ServerDown):
        await Leased(one.controller, one.settings).run("echo", "http", 1, send)
    assert send.count == 2
    assert leases(one) == 0
    assert outcome(one, "failed") == 1


async def test_each_answer_of_one_lease_is_sent_for_once_more(harness):
    one = await harness()
    async with Leased(one.controller, one.settings).request("echo", "http", 1) as request:
        for answer in ("first", "second"):
            send = Sending(ServerDown("Triton does not answer."), answer)
            send.end.set()
            assert await request.send(send) == answer
    assert leases(one) == 0


async def test_calls_at_once_under_one_lease_are_each_sent_once_more_under_one_new(harness):
    one = await harness()
    sends = [Sending(number) for number in range(4)]
    late = Sending("late")
    late.end.set()
    leased = Leased(one.controller, one.settings)
    async with leased.request("echo", "http", 1000) as request:
        calls = [asyncio.create_task(request.send(send)) for send in sends]
        await asyncio.gather(*(send.begun.wait() for send in sends))
        one.processes.on_end("echo")
        with one.triton.holding("load", "echo"):
            for send in sends:
                send.end.set()
            await one.settle()
            calls.append(asyncio.create_task(request.send(late)))  # while the others wait
            await one.settle()
            assert late.count == leases(one) == 0
            assert leased.held.now == 1000
        assert await asyncio.gather(*calls) == [0, 1, 2, 3, "late"]
        assert leases(one) == 1
    await one.settle()
    assert [send.count for send in sends] == [2] * 4
    assert leases(one) == leased.held.now == one.metric("internal_errors_total") == 0


@pytest.mark.parametrize("turns", range(8))
async def test_who_leaves_while_a_call_gets_its_second_lease_keeps_none(harness, turns):
    one = await harness()
    leased = Leased(one.controller, one.settings)
    send = Sending(BackendDied("echo_0_0"), "answer")
    send.end.set()

    async def receive():
        await asyncio.Event().wait()

    async def asking(leaving):
        watched = partial(unless_left, receive)
        async with leased.request("echo", "http", 1, while_waiting=watched) as request:
            call = asyncio.create_task(request.send(send))
            await leaving.wait()
            call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    leaving = asyncio.Event()
    with one.triton.holding("load", "echo"):
        asked = asyncio.create_task(asking(leaving))
        await one.settle()
    await send.begun.wait()
    one.processes.on_end("echo")
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.set()
    await asked
    await one.settle()
    assert leases(one) == leased.held.now == 0


async def test_a_request_without_a_lease_is_not_sent(harness):
    one = await harness()
    one.triton.fail("load", "echo")
    send = Sending("answer")
    with pytest.raises(TransitionFailed):
        await Leased(one.controller, one.settings).run("echo", "http", 1, send)
    assert send.count == 0
    assert outcome(one, "refused") == 1


async def test_a_request_that_gets_no_second_lease_counts_as_refused(harness):
    one = await harness()
    send = Sending(BackendDied("echo_0_0"))
    task = await begin(one, send)
    one.triton.fail("load", "echo")
    send.end.set()
    with pytest.raises(TransitionFailed):
        await task
    assert outcome(one, "refused") == 1
    assert one.metric("refusals_total", model="echo", reason="transition_failed") == 1


async def test_a_client_that_leaves_while_it_waits_is_not_sent_and_frees_its_place(harness):
    one = await harness()
    send = Sending("answer")
    leased = Leased(one.controller, one.settings)
    with one.triton.holding("load", "echo"):
        task = asyncio.create_task(leased.run("echo", "http", 1, send))
        await one.settle()
        assert one.controller.entry("echo").demand.waiting == 1
        task.cancel()
        await one.settle()
        assert one.controller.entry("echo").demand.waiting == 0
    await one.settle()
    assert send.count == leases(one) == 0
    assert outcome(one, "cancelled") == 1


async def test_a_model_that_no_repository_has_needs_no_lease_and_makes_no_metric(harness):
    one = await harness()
    send = Sending("Triton's own answer")
    send.end.set()
    answer = await Leased(one.controller, one.settings).run("nothing", "http", 1, send)
    assert answer == "Triton's own answer"
    assert outcome(one, "served", model="nothing") is None


async def test_the_bytes_of_held_requests_are_bounded(harness):
    one = await harness(max_held_bytes=100)
    leased = Leased(one.controller, one.settings)
    send = Sending("first", "third")
    first = asyncio.create_task(leased.run("echo", "http", 60, send))
    await send.begun.wait()
    with pytest.raises(QueueFull) as caught:
        await leased.run("echo", "http", 41, send)
    assert str(caught.value) == (
        "Requests already take 60 bytes of memory; 41 bytes more would exceed max_held_bytes (100)."
    )
    send.end.set()
    assert await first == "first"
    assert await leased.run("echo", "http", 100, send) == "third"


async def test_bytes_are_held_until_triton_has_ended_even_if_the_client_has_left(harness):
    one = await harness(max_held_bytes=100)
    leased = Leased(one.controller, one.settings)
    send = Sending("unheard", "heard")
    first = asyncio.create_task(leased.run("echo", "http", 60, send))
    await send.begun.wait()
    first.cancel()
    await one.settle()
    with pytest.raises(QueueFull):
        await leased.run("echo", "http", 60, send)
    send.end.set()
    await one.settle()
    assert await leased.run("echo", "http", 60, send) == "heard"


async def test_bytes_are_given_back_when_the_request_fails(harness):
    one = await harness(max_held_bytes=100)
    leased = Leased(one.controller, one.settings)
    send = Sending(InvalidInput("AUDIO is empty."), "heard")
    send.end.set()
    with pytest.raises(InvalidInput):
        await leased.run("echo", "http", 100, send)
    assert await leased.run("echo", "http", 100, send) == "heard"


async def test_what_follows_is_due_when_its_client_has_played_what_it_was_given(harness):
    class Walk:
        due = None

        async def run(self, came):
            came(RawPiece({}, seconds=3.0), time.perf_counter())

    one = await harness()
    first, second, began = Walk(), Walk(), time.time()
    async with Leased(one.controller, one.settings).request("echo", "app", 0) as request:
        await request.stream(first)
        request.added(100.0)
        await request.stream(second)
    assert first.due is None
    assert began + 103 <= second.due <= time.time() + 103

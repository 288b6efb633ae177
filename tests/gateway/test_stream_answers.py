"""Answers of a stream wait for their client, a few and counted."""

import asyncio

from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.passed_events import passed_events
from greenroom.gateway.stream_answers import StreamAnswers
from greenroom.triton.http_client import TritonAnswer


async def filled(answers):
    """Put more than may wait; return who still puts."""
    putting = asyncio.create_task(all_of(answers))
    for _ in range(50):
        await asyncio.sleep(0)
    return putting


async def all_of(answers):
    for _ in range(20):
        await answers.put(bytes(10))
    await answers.put(None)


async def test_no_more_than_a_few_are_ahead_of_the_client_and_all_count():
    held = HeldBytes(1000)
    answers = StreamAnswers(held)
    putting = await filled(answers)
    assert (putting.done(), held.now) == (False, 90)  # the ninth waits to be put
    assert [answer async for answer in answers] == [bytes(10)] * 20
    await putting
    assert held.now == 0


async def test_a_client_that_leaves_holds_up_nobody_and_nothing_stays_counted():
    held = HeldBytes(1000)
    answers = StreamAnswers(held)
    putting = await filled(answers)
    answers.leave()
    await putting
    assert held.now == 0


async def test_events_that_triton_makes_by_itself_wait_no_otherwise():
    held, sent = HeldBytes(1000), 0

    async def send(take):
        nonlocal sent
        while sent < 20:
            sent += 1
            await take(bytes(10))
        return TritonAnswer(200, {}, b"")

    events = passed_events("drip", held, send, lambda sent: sent())
    assert await anext(events) == bytes(10)
    for _ in range(50):
        await asyncio.sleep(0)
    assert (sent, held.now) == (10, 100)  # the one that was taken, eight, and one to be put
    assert [event async for event in events] == [bytes(10)] * 19
    assert (sent, held.now) == (20, 0)

"""Answers of a stream wait for their client, a few and counted."""

import asyncio

from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.stream_answers import StreamAnswers


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

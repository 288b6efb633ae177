"""Suspects are sent again one at a time."""

import asyncio
from functools import partial

import pytest

from greenroom.controller.suspects import SentRequest, Suspects
from greenroom.errors import ServerDown
from greenroom.gateway.disconnect import unless_left
from greenroom.settings import Settings


@pytest.mark.parametrize("turns", range(8))
async def test_a_turn_of_who_leaves_as_it_comes_is_the_next_one_s(monkeypatch, turns):
    async def away():
        return False

    async def fault(sent, died):
        return "Triton ended with SIGSEGV"

    suspects = Suspects(Settings(), away)
    monkeypatch.setattr(suspects, "_fault", fault)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def sent_again():
        watched = partial(unless_left, asyncio.Event().wait)
        async with suspects.sent_again(SentRequest("tts", None), ServerDown("Gone."), watched):
            begun.set()
            await go_on.wait()

    first = asyncio.create_task(sent_again())
    await begun.wait()
    second = asyncio.create_task(sent_again())
    for _ in range(5):
        await asyncio.sleep(0)
    go_on.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({first, second})
    await sent_again()

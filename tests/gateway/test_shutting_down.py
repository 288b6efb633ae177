"""Who still waits when the controller is told to end gets an answer."""

import asyncio
import os
import signal

import pytest
from tritonclient.utils import InferenceServerException


async def test_manual_actions_and_listeners_are_answered_at_the_end(start):
    running = await start()
    listening = asyncio.Event()

    async def listen():
        async with running.web.stream("GET", "/residency/events") as answer:
            listening.set()
            return [line async for line in answer.aiter_lines()]

    events = asyncio.create_task(listen())
    await listening.wait()
    by_hand = asyncio.create_task(running.act("gated", "load"))
    by_grpc = asyncio.create_task(running.grpc.load_model("gated"))
    await running.until("gated", residency="loading")
    os.kill(running.service.programs[0].pid, signal.SIGTERM)
    answer = await by_hand
    assert (answer.status_code, "shutting down" in answer.text) == (503, True)
    with pytest.raises(InferenceServerException, match="shutting down"):
        await by_grpc
    assert not any("shutting" in line for line in await events)  # it ended, and not in the middle
    await running.logged("controller | ended")
    assert running.count("Traceback") == 0

"""A book of 100,000 characters over /v1: no process grows, and others get their turn."""

import asyncio
import time

import pytest
from grown import Grown
from test_speech import SETTINGS

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
MOST_GROWN = 50_000_000
SENTENCE = "Chapter {} tells how the old ship came home, and who was waiting at the harbour. "
BOOK = "".join(SENTENCE.format(number) for number in range(1, 1260))[:100_000]
SHORT = {"input": "Good day.", "voice": "clara", "response_format": "pcm"}


async def test_a_book_streams_without_growing_and_others_are_answered_meanwhile(start):
    running = await start(**SETTINGS)
    # What reads figures, and what writes mp3, is there before it is looked at.
    for first in (SHORT, {**SHORT, "input": BOOK[:200], "response_format": "mp3"}):
        await running.web.post("/v1/audio/speech", json=first)
    tts = (await running.residency("tts"))["pid"]
    asked = {"input": BOOK, "voice": "henry", "response_format": "mp3"}
    began = time.perf_counter()
    gateway_pid = running.service.programs[0].pid
    with Grown([gateway_pid], every=0.5) as gateway, Grown([tts], every=0.5) as model:
        taken, others = 0, 0
        async with running.web.stream("POST", "/v1/audio/speech", json=asked) as answer:
            assert answer.status_code == 200
            async for part in answer.aiter_bytes():
                if taken // 5_000_000 < (taken + len(part)) // 5_000_000:
                    short = await running.web.post("/v1/audio/speech", json=SHORT)
                    others += short.status_code == 200
                taken += len(part)
                await asyncio.sleep(0)
    print(
        f"{taken / 1e6:.1f} MB of mp3 in {time.perf_counter() - began:.0f} s, {others} others; "
        f"gateway +{gateway.bytes / 1e6:.1f} MB, tts +{model.bytes / 1e6:.1f} MB"
    )
    assert others
    assert gateway.bytes < MOST_GROWN
    assert model.bytes < MOST_GROWN

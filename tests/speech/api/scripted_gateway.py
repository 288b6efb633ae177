"""A gateway whose tts answers when the test says so."""

import asyncio
from contextlib import asynccontextmanager, nullcontext

import numpy as np

from greenroom.errors import InvalidInput, TritonError
from greenroom.managed.stepped_engine import Piece
from greenroom_speech.engines.text_input import UNSPEAKABLE

RATE = 8000


class ScriptedGateway:
    """Its tts says each letter of a text with so many samples of one, when it is let."""

    samples = 1

    def __init__(self):
        self.asked = []
        self.leases = self.most_leases = self.more_seconds = 0
        self.let = asyncio.Semaphore(0)
        self.begun = asyncio.Semaphore(0)
        self.touched = asyncio.Event()
        self.start, self.waited, self.seconds = "hot", 0.0, {}
        self.held = self

    def hold(self, size):
        return nullcontext()

    async def touch(self, model):
        self.touched.set()

    @asynccontextmanager
    async def lease(self, model, *, held_bytes=0):
        self.leases += 1
        self.most_leases = max(self.leases, self.most_leases)
        try:
            yield self
        finally:
            self.leases -= 1

    def let_all(self):
        for _ in range(1000):
            self.let.release()

    def added(self, seconds):
        self.more_seconds += seconds

    async def stream(self, model, tensors):
        said = tensors["TEXT"][0].decode()
        self.asked.append(said)
        self.begun.release()
        await self.let.acquire()
        if "Fail" in said:
            raise InvalidInput("TEXT fails.")
        if "Silent" in said:
            raise TritonError("AUDIO is silent.", "INVALID_ARGUMENT")
        if "Unspeakable" in said:
            raise InvalidInput(f"TEXT is {said!r}; {UNSPEAKABLE} in 'en'.")
        yield Piece(
            {
                "WAVEFORM": np.ones(self.samples * len(said), np.float32),
                "WAVEFORM_RATE": np.array([RATE], np.int32),
                "PROMPT_TRANSCRIPT": tensors["TRANSCRIPT"],
            }
        )

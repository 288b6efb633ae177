"""A GPU whose memory is what the test says, read at a moment that the test may hold back."""

import asyncio

from greenroom.residency.budget import MemoryReading

MIB = 2**20


class ScriptedGpu:
    index = 0

    def __init__(self, total=100, used=0):
        self.total = total
        self.used = used
        self.there = True
        self.reads = 0
        self._open = asyncio.Event()
        self._open.set()

    def hold(self):
        self._open.clear()

    def go_on(self):
        self._open.set()

    async def read(self, now):
        self.reads += 1
        await self._open.wait()
        return MemoryReading(self.total * MIB, self.used * MIB, now) if self.there else None

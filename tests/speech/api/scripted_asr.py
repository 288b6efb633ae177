"""An asr behind a gateway of its own, which answers when the test lets it."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np

from greenroom.gateway.held_bytes import HeldBytes
from greenroom_speech.engines.engine_tags import EngineTags


class Counted(HeldBytes):
    """Remembers the most that was held."""

    peak = 0

    def keep(self, size, key):
        super().keep(size, key)
        self.peak = max(self.peak, self.now)


class Asr:
    """A gateway whose asr works on one piece at a time, when the test lets it."""

    start, waited, seconds = "hot", 0.0, {"asr": 0.1}

    def __init__(self):
        self.held = Counted(2**30)
        self.turn = asyncio.Lock()
        self.let = asyncio.Semaphore(0)
        self.begun = asyncio.Semaphore(0)
        self.heard, self.told, self.fails, self.tasks = [], [], {}, []
        self.times = True
        self.tags = EngineTags(prompted=True)
        self.leases = 0

    @asynccontextmanager
    async def lease(self, model, *, held_bytes=0):
        self.leases += 1
        with self.held.hold(held_bytes):
            yield self
        self.leases -= 1

    async def infer(self, model, tensors, outputs=()):
        async with self.turn:
            number = len(self.heard)
            self.heard.append(tensors["AUDIO"].copy())
            names = ("AUDIO_LANGUAGE", "PROMPT")
            self.tasks.append(tensors["ASR_TASK"][0].decode())
            self.told.append([tensors[name][0].decode() for name in names if name in tensors])
            self.begun.release()
            await self.let.acquire()
        if number in self.fails:
            raise self.fails[number]
        words = f"Words {number}. More."
        answer = {
            name: np.array([text.encode()], object)
            for name, text in (("TRANSCRIPT", words), ("AUDIO_LANGUAGE", "en"))
        }
        times = {
            "SEGMENT": [(f"Words {number}.", 1, 2.5), ("More.", 3, 3.5)],
            "WORD": [("Words", 1, 1.5), (f"{number}.", 1.5, 2.5), ("More.", 3, 3.5)],
        }
        for name, timed in times.items():
            if self.times and f"{name}_TIMES" in outputs:
                answer[f"{name}_TEXTS"] = np.array([one.encode() for one, *_ in timed], object)
                answer[f"{name}_TIMES"] = np.array([span for _, *span in timed], np.float32)
        return answer

    def let_all(self):
        for _ in range(100):
            self.let.release()

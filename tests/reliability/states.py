"""The states in which a process can die: each is entered, holds while it is, and then goes on."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import tritonclient.grpc as triton_grpc
from echo import grpc_inputs

TEXT = "One two. " * 40


class Streaming:
    """A client of a stream that reads its first piece, and the rest when it is told to."""

    def __init__(self, running):
        self.pieces, self.error = 0, None
        self._running = running
        self._first, self.goes_on = asyncio.Event(), asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def begun(self):
        await self._first.wait()

    async def ended(self):
        """Return how the stream ended: complete, or with which error."""
        self.goes_on.set()
        return await self._reading

    async def _read(self):
        tensor = triton_grpc.InferInput("TEXT", [1, 1], "BYTES")
        tensor.set_data_from_numpy(np.array([[TEXT.encode()]], object))

        async def requests():
            yield {"model_name": "tally", "inputs": [tensor], "parameters": {"stream": True}}

        try:
            async for answer, error in self._running.grpc.stream_infer(requests()):
                if error is not None:
                    return error
                self.pieces += 1
                self._first.set()
                await self.goes_on.wait()
                if answer.get_response().parameters["triton_final_response"].bool_param:
                    return "complete"
        except Exception as error:
            return error
        return "silence"


@asynccontextmanager
async def idle(faults):
    await faults.load("puppet")
    yield "puppet", []


@asynccontextmanager
async def starting(faults):
    """The process has only just begun: it imports."""
    asked = faults.ask("gated", 2)
    await faults.running.until("gated", residency="loading")
    while not faults.running.stubs():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    yield "gated", asked
    faults.gate.touch()


@asynccontextmanager
async def loading(faults):
    asked = faults.ask("gated", 2)
    await faults.reached()
    yield "gated", asked
    faults.gate.touch()


@asynccontextmanager
async def restoring(faults):
    await faults.load("puppet")
    await faults.warm("puppet")
    with faults.holding("restore"):
        asked = faults.ask("puppet", 2)
        await faults.running.until("puppet", residency="restoring")
        yield "puppet", asked


@asynccontextmanager
async def inferring(faults):
    await faults.load("slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    yield "slow", asked
    faults.gate.touch()


@asynccontextmanager
async def streaming(faults):
    await faults.load("tally")
    stream = Streaming(faults.running)
    await stream.begun()
    yield "tally", [asyncio.create_task(_end_of(stream))]
    stream.goes_on.set()


async def _end_of(stream):
    await stream.goes_on.wait()
    return await stream.ended()


@asynccontextmanager
async def offloading(faults):
    await faults.load("puppet")
    with faults.holding("offload"):
        by_hand = asyncio.create_task(faults.running.act("puppet", "offload"))
        await faults.running.until("puppet", residency="offloading")
        yield "puppet", [by_hand]


@asynccontextmanager
async def unloading(faults):
    """A request that only Triton knows of holds it up."""
    await faults.load("slow")
    direct = asyncio.create_task(faults.running.direct_grpc.infer("slow", grpc_inputs()))
    await faults.reached()
    by_hand = asyncio.create_task(faults.running.act("slow", "unload"))
    await faults.running.until("slow", residency="unloading")
    yield "slow", [by_hand]
    faults.gate.touch()
    await asyncio.wait([direct])


STATES = {
    "idle": idle,
    "starting": starting,
    "loading": loading,
    "restoring": restoring,
    "inferring": inferring,
    "between pieces": streaming,
    "offloading": offloading,
    "unloading": unloading,
}

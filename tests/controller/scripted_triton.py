"""A Triton whose every answer, and its moment, the test decides."""

import asyncio
from contextlib import contextmanager

from tritonclient.grpc.model_config_pb2 import ModelConfig

from greenroom.errors import ServerDown, TritonError
from greenroom.residency.control import Report
from greenroom.residency.states import Residency


class ScriptedTriton:
    """Has the calls of Triton that the controller uses, and nothing behind them."""

    def __init__(self):
        self.calls = []
        self.loaded = set()
        self.moving = {}
        """Models in the middle of something, to where that is."""
        self.reports = {}
        self.refusals = {}
        """Action and model to the report of a control that could not be done."""
        self.errors = {}
        self.unreadable = 0
        self._held = {}
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._pending = set()

    def come(self, *loaded):
        self.loaded = set(loaded)
        self._down.clear()
        self._up.set()

    def die(self, noticed=True):
        """Fail every call that runs, as a broken connection does, noticed as such or not yet."""
        self._up.clear()
        if noticed:
            self._down.set()
        for call in self._pending:
            call.set_exception(ServerDown("Triton does not answer."))
        self._pending.clear()

    @contextmanager
    def holding(self, *call):
        """Let a call run on until the block ends."""
        self._held[call] = asyncio.Event()
        try:
            yield
        finally:
            self._held.pop(call).set()

    def fail(self, *call, message="weights.bin is not there."):
        """Make a call fail until it is said otherwise."""
        self.errors[call] = TritonError(message, "INVALID_ARGUMENT")

    async def ready(self):
        await self._up.wait()

    async def lost(self):
        await self._down.wait()

    async def alive(self):
        return self._up.is_set()

    async def states(self):
        if self.unreadable:
            self.unreadable -= 1
            raise TritonError("This protocol is restricted", "UNAVAILABLE")
        return dict.fromkeys(self.loaded, Residency.HOT) | self.moving

    async def settled(self, model):
        await self._answer("settled", model)

    async def load(self, model, parameters=None):
        await self._answer("load", model, *([parameters] if parameters else []))
        self.loaded.add(model)

    async def config(self, model):
        return ModelConfig(name=model)

    async def begin_unload(self, model):
        await self._answer("begin_unload", model)
        self.loaded.discard(model)

    async def unload(self, model):
        await self._answer("unload", model)
        self.loaded.discard(model)

    async def control(self, model, action, valid):
        await self._answer(str(action), model)
        if (str(action), model) in self.refusals:
            return self.refusals[str(action), model]
        if action == "report":
            return self.reports.get(model, Report(residency="hot", device_bytes=640, pid=4242))
        residency = "warm" if action == "offload" else "hot"
        return Report(residency=residency, device_bytes=640 if residency == "hot" else 0, pid=4242)

    async def _answer(self, *call):
        self.calls.append(call)
        held = self._held.get(call[:2])
        if held is not None:
            await self._until(held)
        if not self._up.is_set():
            raise ServerDown("Triton does not answer.")
        if call[:2] in self.errors:
            raise self.errors[call[:2]]

    async def _until(self, held):
        """Wait for the event, or fail with the connection."""
        broken = asyncio.get_running_loop().create_future()
        self._pending.add(broken)
        waiting = asyncio.ensure_future(held.wait())
        try:
            await asyncio.wait((broken, waiting), return_when=asyncio.FIRST_COMPLETED)
            if broken.done():
                broken.result()
        finally:
            waiting.cancel()
            self._pending.discard(broken)

    def count(self, *call):
        return sum(one[: len(call)] == call for one in self.calls)

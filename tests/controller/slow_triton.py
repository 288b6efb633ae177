"""A Triton whose every call runs until the test ends it, and which knows what models hold."""

import asyncio

from scripted_triton import ScriptedTriton

from greenroom.errors import GreenroomError, ServerDown
from greenroom.residency.control import Report, code_and_sentence


class SlowTriton(ScriptedTriton):
    """`sizes`: bytes of a model's weights on the device, and what its process holds besides."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.hot = set()
        self.open = {}

    def come(self, *loaded):
        super().come(*loaded)
        self.hot = set(loaded)

    def die(self, noticed=True):
        super().die(noticed)
        self.loaded.clear()
        self.hot.clear()
        for call in list(self.open):
            self.end(call, ServerDown("Triton does not answer."))

    def end(self, call, error=None):
        """End a call, well or with an error."""
        future = self.open.pop(call)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def held(self, model):
        """Return what a model holds, or will when the call that runs has ended."""
        device, overhead = self.sizes.get(model, (0, 0))
        comes = ("load", model) in self.open
        hot = model in self.hot or comes or ("restore", model) in self.open
        return (device if hot else 0) + (overhead if comes or model in self.loaded else 0)

    async def load(self, model, parameters=None):
        await super().load(model, parameters)
        self.hot.add(model)

    async def unload(self, model):
        await super().unload(model)
        self.hot.discard(model)

    async def control(self, model, action, valid):
        try:
            await self._answer(str(action), model)
        except GreenroomError as error:
            if isinstance(error, ServerDown):
                raise
            return self._report(model, str(error))
        if action == "restore":
            self.hot.add(model)
        if action == "offload":
            self.hot.discard(model)
        return self._report(model, None)

    def _report(self, model, error):
        device, overhead = self.sizes.get(model, (0, 0))
        hot = model in self.hot
        return Report(
            residency="hot" if hot else "warm",
            device_bytes=device if hot else 0,
            device_overhead_bytes=overhead,
            pid=4242,
            error=error,
            error_code=code_and_sentence(error or "")[0],
        )

    async def _answer(self, *call):
        call = call[:2]
        if not self._up.is_set():
            raise ServerDown("Triton does not answer.")
        assert call not in self.open, "never the same call twice at a time"
        self.calls.append(call)
        self.open[call] = asyncio.get_running_loop().create_future()
        await self.open[call]

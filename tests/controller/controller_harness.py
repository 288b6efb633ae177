"""A controller, the scripted Triton that it follows, its clock and its models on disk."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

from manual_clock import ManualClock
from model_folders import write_ensemble, write_model
from scripted_processes import ScriptedProcesses
from scripted_triton import ScriptedTriton

from greenroom.controller.controller import Controller
from greenroom.controller.transitions import Transitions
from greenroom.residency.policy import Policy
from greenroom.settings import Settings
from greenroom.triton.repository import Repository

NEVER = Policy(offload_after=-1, unload_after=-1)


class ControllerHarness:
    """Models: tts, asr and `more` (controllable), echo (not); speech, an ensemble of asr, tts."""

    def __init__(self, folder, triton, policy, gpu, settings, more=(), caches=None):
        models, ensembles = folder / "models", folder / "ensembles"
        if not models.exists():
            write_model(models, "asr")
            write_model(models, "tts")
            write_model(models, "echo", controllable=False)
            for name in more:
                write_model(models, name)
            write_ensemble(ensembles, "speech", "asr", "tts")
        names = ("asr", "tts", "echo", "speech", *more)
        self.settings = Settings(
            policy=dict.fromkeys(names, NEVER) | policy,
            model_repository=models,
            ensemble_repository=ensembles,
            runtime_dir=folder / "runtime",
            **{"probe_interval": 0} | settings,
        )
        self.models = models
        self.triton = triton or ScriptedTriton()
        self.clock = ManualClock()
        self._held = {}
        self.repository = Repository(models, ensembles)
        self.processes = ScriptedProcesses()
        self.transitions = Transitions(self.settings, self.triton, self.processes)
        self.controller = Controller(
            self.settings,
            self.triton,
            self.repository,
            self.transitions,
            self.processes,
            self.clock,
            gpu,
            caches,
        )

    @asynccontextmanager
    async def following(self):
        """Follow Triton while inside."""
        task = asyncio.create_task(self.controller.triton_monitor.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.controller.close()

    async def settle(self):
        """Let everything happen that waits for neither time nor Triton."""
        for _ in range(30):
            await asyncio.sleep(0)

    async def wait(self, seconds):
        self.clock.advance(seconds)
        await self.settle()

    async def lease(self, model):
        """Hold a lease, once it is granted, until `release`."""
        held = AsyncExitStack()
        lease = await held.enter_async_context(self.controller.lease(model))
        self._held[lease] = held
        return lease

    async def release(self, lease):
        await self._held.pop(lease).aclose()

    async def used(self, model):
        """Hold a lease for a moment."""
        async with self.controller.lease(model):
            pass

    async def ask(self, model):
        """Begin to wait for a lease and return the task."""
        task = asyncio.create_task(self.lease(model))
        await self.settle()
        return task

    def residency(self, model):
        return self.controller.stage.models[model].residency

    def metrics(self):
        """Return what GET /metrics shows: samples' names with labels, to values."""
        self.controller.view.observe()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in self.controller.metrics.registry.collect()
            for sample in family.samples
        }

    def metric(self, name, **labels):
        return self.metrics().get((f"greenroom_{name}", tuple(sorted(labels.items()))))

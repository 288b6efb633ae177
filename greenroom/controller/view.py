"""The models as they are shown: objects of GET /residency, and gauges."""

import asyncio
from collections.abc import Mapping
from typing import Any

from greenroom.controller.caches import Cache, Caches
from greenroom.controller.clock import Clock
from greenroom.controller.gpu_memory import GpuMemory
from greenroom.controller.metrics import Metrics
from greenroom.controller.transitions import Transitions
from greenroom.errors import ServerDown
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency
from greenroom.triton.backend_processes import BackendProcesses

_LONGEST_LOOK = 0.5
"""Seconds; whoever looks at the models does not wait for a Triton that hangs."""


class View:
    """Reads the stage and the models' last reports; looking changes nothing."""

    def __init__(
        self,
        stage: Stage,
        transitions: Transitions,
        processes: BackendProcesses,
        metrics: Metrics,
        clock: Clock,
        gpu: GpuMemory | None,
        caches: Caches | None,
    ) -> None:
        self._stage = stage
        self._transitions = transitions
        self._processes = processes
        self._metrics = metrics
        self._clock = clock
        self._gpu = gpu
        self._caches = caches

    def managed(self) -> list[str]:
        """All that have a residency: ensembles have none."""
        return sorted(name for name, entry in self._stage.models.items() if not entry.steps)

    async def whole(self) -> dict[str, Any]:
        """What GET /residency answers, within a second even while Triton hangs."""
        caches, gpu = await asyncio.gather(self._cached(), self.gpu())
        models = {name: self._shown(name, caches) for name in self.managed()}
        return {"models": models, "gpu": gpu, "budget": self.budget()}

    async def shown(self, model: str) -> dict[str, Any]:
        """A model's object of GET /residency."""
        return self._shown(model, await self._cached())

    def describe(self, model: str) -> dict[str, Any]:
        """What the controller itself knows of a model."""
        entry = self._stage.models[model]
        report = self._transitions.report(model)
        ended = self._transitions.last(model)
        return {
            "residency": entry.residency,
            "controllable": entry.controllable,
            "leases": entry.demand.leases,
            "waiting": entry.demand.waiting,
            "idle_seconds": round(self._clock.now() - entry.demand.idle_since, 3)
            if entry.idle
            else 0.0,
            "policy": entry.policy.model_dump(),
            "device_bytes": report.device_bytes,
            "device_overhead_bytes": report.device_overhead_bytes,
            "host_bytes": report.host_bytes,
            "process_bytes": self._processes.resident_bytes(model),
            "pid": report.pid,
            "last_transition": ended.brief() if ended else None,
            "last_error": entry.failure.last_error,
        }

    async def gpu(self) -> dict[str, int] | None:
        """Its object of GET /residency, measured now; None without one, or if nobody says."""
        if self._gpu is None:
            return None
        try:
            async with asyncio.timeout(_LONGEST_LOOK):
                reading = await self._gpu.read(self._clock.now())
        except (ServerDown, TimeoutError):
            return None
        if reading is None:
            return None
        return {
            "index": self._gpu.index,
            "total_bytes": reading.total_bytes,
            "used_bytes": reading.used_bytes,
        }

    async def _cached(self) -> Mapping[str, Cache]:
        return await self._caches.read(self._clock.now()) if self._caches else {}

    def _shown(self, model: str, caches: Mapping[str, Cache]) -> dict[str, Any]:
        """A cold model's cache is gone with it."""
        described = self.describe(model)
        cold = described["residency"] is Residency.COLD
        return described | {"cache": None if cold else caches.get(model)}

    def budget(self) -> dict[str, Any] | None:
        """Who holds and who needs how much GPU memory, None if nothing bounds it."""
        budget = self._stage.budget
        if not budget.limited:
            return None
        entries = [self._stage.models[name] for name in self.managed()]
        return {
            "budget_bytes": budget.bound,
            "reserve_bytes": budget.reserve,
            "held_bytes": sum(entry.memory.held for entry in entries),
            "needs": {entry.name: entry.memory.hot for entry in entries},
        }

    def observe(self, gpu: dict[str, int] | None = None) -> None:
        self._metrics.triton_up.set(self._stage.up)
        self._metrics.gpu_budget.set(self._stage.budget.bound)
        if gpu is not None:
            self._metrics.observe_gpu(gpu["used_bytes"], gpu["total_bytes"])
        for name in self.managed():
            self._metrics.observe(self._stage.models[name])
            report = self._transitions.report(name)
            self._metrics.device_bytes.labels(name).set(report.device_bytes)
            self._metrics.overhead_bytes.labels(name).set(report.device_overhead_bytes)
            self._metrics.host_bytes.labels(name).set(report.host_bytes)

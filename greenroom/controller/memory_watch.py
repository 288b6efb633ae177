"""Feeds the stage's budget: measurements of the card, and what models are known to need."""

import asyncio
import logging
from collections.abc import Callable

from greenroom.controller.background import Background
from greenroom.controller.clock import Clock
from greenroom.controller.gpu_memory import GpuMemory
from greenroom.controller.measurements import Measurements
from greenroom.errors import ServerDown
from greenroom.residency.budget import MemoryReading
from greenroom.residency.model import Model
from greenroom.residency.stage import Stage
from greenroom.residency.states import Residency
from greenroom.settings import ModelSettings, Settings
from greenroom.triton.repository import ModelSpec

logger = logging.getLogger(__name__)

_OF_WEIGHT_FILES = 1.2
_ATTEMPTS = 20
_BETWEEN_ATTEMPTS = 0.1


class MemoryWatch:
    """Measures when the stage wants it; `act` lets the stage decide then."""

    def __init__(
        self,
        settings: Settings,
        stage: Stage,
        gpu: GpuMemory | None,
        clock: Clock,
        act: Callable[[], None],
        background: Background,
    ) -> None:
        self._activation = settings.gpu_activation_bytes
        self._measurements = Measurements(settings.runtime, ModelSettings())
        self._stage = stage
        self._gpu = gpu
        self._clock = clock
        self._act = act
        self._background = background
        self._looks = False

    def look(self) -> None:
        """Measure the card and decide anew; one look at a time is enough for everyone."""
        if self._gpu is not None and not self._looks:
            self._looks = True
            self._background.run("Measuring the GPU", self._look(self._gpu))

    async def _look(self, gpu: GpuMemory) -> None:
        try:
            self._stage.budget.measured(await self._reading(gpu))
        finally:
            self._looks = False
            self._act()

    async def _reading(self, gpu: GpuMemory) -> MemoryReading | None:
        """Measure; Triton's metrics come a moment after Triton itself."""
        for _ in range(_ATTEMPTS):
            try:
                return await gpu.read(self._clock.now())
            except ServerDown as error:
                reason = str(error)
            except Exception:
                reason = "The log says why."
                self._background.broke("Measuring the GPU")
            await asyncio.sleep(_BETWEEN_ATTEMPTS)
        logger.warning("GPU memory cannot be measured, so it limits no load: %s", reason)
        return None

    def expect(self, entry: Model, spec: ModelSpec) -> None:
        """What a model that is not loaded will need: as measured, else by its files."""
        if entry.steps or entry.residency is not Residency.COLD:
            return
        entry.memory.estimate = self._estimate(spec)
        entry.memory.measured = self._measurements.of(spec)

    def _estimate(self, spec: ModelSpec) -> int:
        """As the engine says, else by its files; 0: it needs nothing of the card."""
        stated = self._measurements.stated_bytes(spec)
        if stated is None:
            stated = int(self._measurements.weight_bytes(spec) * _OF_WEIGHT_FILES)
        return stated + self._activation if stated else 0

    def keep(self, entry: Model, spec: ModelSpec | None) -> None:
        if spec is not None and entry.memory.measured is not None:
            self._measurements.keep(spec, entry.memory.measured)

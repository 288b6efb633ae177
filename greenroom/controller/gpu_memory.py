"""Measures the GPU's memory: through NVML, or through the metrics of a Triton that has one."""

import asyncio
import logging
import os

import pynvml

from greenroom.errors import SetupError
from greenroom.residency.budget import MemoryReading
from greenroom.settings import Settings
from greenroom.triton.environment import visible_gpu
from greenroom.triton.metrics import GPU_MEMORY_LAG, gpu_memory, triton_metrics

logger = logging.getLogger(__name__)

_TRITON_TIMEOUT = 2.0


class GpuMemory:
    """Reads one GPU, that of the settings.

    A machine without NVML, or without a GPU, is no error: then Triton's metrics are asked, and
    if they know of no GPU either, there is none.
    """

    def __init__(self, settings: Settings) -> None:
        self.index = settings.gpu
        self._settings = settings
        self._device: pynvml.c_nvmlDevice_t | None = None
        self._searched = False
        self._triton_has_one = True

    async def read(self, now: float) -> MemoryReading | None:
        """Measure; None without a GPU. Raises ServerDown while Triton's metrics do not answer."""
        if not self._searched:
            self._device = await asyncio.to_thread(_device, self.index)
            self._searched = True
        if self._device is not None:
            return await asyncio.to_thread(_by_nvml, self._device, now)
        if not self._triton_has_one:
            return None
        metrics = await triton_metrics(self._settings, _TRITON_TIMEOUT)
        found = gpu_memory(metrics, self.index)
        self._triton_has_one = found is not None
        return MemoryReading(*found, now, GPU_MEMORY_LAG) if found else None


def _device(index: int) -> pynvml.c_nvmlDevice_t | None:
    """NVML's handle of the GPU that Triton's processes are told to see."""
    try:
        visible = visible_gpu(index, os.environ.get("CUDA_VISIBLE_DEVICES"))
        pynvml.nvmlInit()
        if visible.isdigit():
            return pynvml.nvmlDeviceGetHandleByIndex(int(visible))
        return pynvml.nvmlDeviceGetHandleByUUID(visible) if visible else None
    except (pynvml.NVMLError, SetupError) as error:
        logger.debug("NVML has no GPU %d: %s", index, error)
        return None


def _by_nvml(device: pynvml.c_nvmlDevice_t, now: float) -> MemoryReading | None:
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(device)
    except pynvml.NVMLError as error:
        logger.warning("NVML does not report the GPU's memory: %s", error)
        return None
    return MemoryReading(memory.total, memory.total - memory.free, now)

"""A device range on a GPU, by CUDA's virtual memory calls.

https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__VA.html: addresses are reserved
once; physical memory is created, mapped and given access, and freed by the unmap, because
its handle is released as soon as it is mapped.
"""

import os
from typing import Any

import pynvml
import torch
from cuda.bindings import driver
from torch import Tensor

from greenroom.managed.arena.cuda_driver import call


class CudaRange:
    """Addresses for `size` bytes of weights and, behind them, for as much as the card has.

    The addresses are never given back: tensors may outlive the range.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self._device = torch.device("cuda", device.index or 0)
        self._index: int = self._device.index
        # Any call of the runtime makes torch's context the thread's; the driver's need one.
        torch.cuda.synchronize(self._device)
        self._kind = _memory_kind(self._index)
        minimum = driver.CUmemAllocationGranularity_flags.CU_MEM_ALLOC_GRANULARITY_MINIMUM
        self._step: int = call("cuMemGetAllocationGranularity", self._kind, minimum)
        room = torch.cuda.get_device_properties(self._device).total_memory
        self._size = self._steps(size + room)
        self._pieces: list[tuple[int, int]] = []
        self._address = int(call("cuMemAddressReserve", self._size, 0, 0, 0))
        self.bytes = self._tensor()

    def map(self, size: int) -> None:
        """Let the first `size` bytes have memory; OutOfMemory if the card has not got it."""
        begin, end = self.resident_bytes(), self._steps(size)
        if end <= begin:
            return
        torch.cuda.synchronize(self._device)
        address, length = self._address + begin, end - begin
        handle = call("cuMemCreate", length, self._kind, 0)
        try:
            call("cuMemMap", address, length, 0, handle, 0)
        finally:
            call("cuMemRelease", handle)
        self._pieces.append((address, length))
        call("cuMemSetAccess", address, length, [_access(self._kind)], 1)

    def unmap(self) -> None:
        """Wait for the device, give all memory back and torch's unused memory too."""
        torch.cuda.synchronize(self._device)
        while self._pieces:
            call("cuMemUnmap", *self._pieces[-1])
            self._pieces.pop()
        torch.cuda.empty_cache()

    def send(self, weights: Tensor, begin: int, end: int) -> None:
        """Begin one asynchronous copy, on the device's default stream."""
        with torch.cuda.device(self._device):
            self.bytes[begin:end].copy_(weights[begin:end], non_blocking=True)

    def wait(self) -> None:
        torch.cuda.default_stream(self._device).synchronize()

    def resident_bytes(self) -> int:
        return sum(length for _, length in self._pieces)

    def overhead_bytes(self) -> int:
        """NVML's figure for this process without the range, else what torch reserves."""
        used = _process_bytes(self._device)
        if used is None:
            return torch.cuda.memory_reserved(self._device)
        return max(0, used - self.resident_bytes())

    def _tensor(self) -> Tensor:
        """Over all addresses; torch looks at the first, so it is mapped."""
        addresses = _Addresses(self._address, self._size)
        self.map(1)
        try:
            return torch.as_tensor(addresses, device=self._device)
        finally:
            self.unmap()

    def _steps(self, size: int) -> int:
        return max(-(-size // self._step), 1) * self._step


class _Addresses:
    """What torch makes a tensor of."""

    def __init__(self, address: int, size: int) -> None:
        self.__cuda_array_interface__ = {
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, False),
            "version": 3,
        }


def _memory_kind(index: int) -> Any:
    kind = driver.CUmemAllocationProp()
    kind.type = driver.CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED
    kind.location.type = driver.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
    kind.location.id = index
    return kind


def _access(kind: Any) -> Any:
    access = driver.CUmemAccessDesc()
    access.location = kind.location
    access.flags = driver.CUmemAccess_flags.CU_MEM_ACCESS_FLAGS_PROT_READWRITE
    return access


def _process_bytes(device: torch.device) -> int | None:
    """What NVML says this process holds; None where it can't see the process."""
    uuid = torch.cuda.get_device_properties(device).uuid
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError:
        return None
    used = {each.pid: each.usedGpuMemory for each in processes}.get(os.getpid())
    return None if used is None else int(used)

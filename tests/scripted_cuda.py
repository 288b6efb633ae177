"""A stand-in for CUDA's driver where there is no GPU: its calls, on ordinary memory.

It takes only calls that the real cuda-bindings take, knows their rules for reservations,
mappings and handles, and fails where it is told to.
"""

import inspect
from types import SimpleNamespace

import torch
from cuda.bindings import driver as real

from greenroom.managed.arena import cuda_driver, cuda_range
from greenroom.managed.host.pages import Pages

STEP = 2 * 2**20


class ScriptedDriver:
    """``mapped`` and ``handles`` are the bytes by address and by handle; ``calls`` the log."""

    def __init__(self):
        self.calls, self.handles, self.mapped, self.accessible = [], {}, {}, set()
        self.ranges = {}
        self.sent = []
        self.fails = {}

    def __getattr__(self, name):
        if not name.startswith("cuMem"):
            return getattr(real, name)

        def call(*arguments):
            inspect.signature(getattr(real, name)).bind(*arguments)
            self.calls.append(name)
            if name in self.fails:
                return (self.fails[name],)
            return (real.CUresult.CUDA_SUCCESS, *self._answer(name, *arguments))

        return call

    def _answer(self, name, *arguments):
        answer = getattr(self, f"_{name}", lambda *_: None)(*arguments)
        return () if answer is None else (answer,)

    def _cuMemGetAllocationGranularity(self, kind, flag):  # noqa: N802
        assert kind.location.type == real.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
        return STEP

    def _cuMemAddressReserve(self, size, alignment, address, flags):  # noqa: N802
        assert size % STEP == 0
        pages = Pages(size)
        self.ranges[pages.address] = pages
        return real.CUdeviceptr(pages.address)

    def _cuMemCreate(self, size, kind, flags):  # noqa: N802
        assert size % STEP == 0
        self.handles[len(self.calls)] = size
        return len(self.calls)

    def _cuMemMap(self, address, size, offset, handle, flags):  # noqa: N802
        assert self.handles[handle] == size
        assert address not in self.mapped
        self.mapped[address] = size
        for begin, pages in self.ranges.items():
            if begin <= address < begin + pages.size:
                pages.map(address + size - begin)

    def _cuMemSetAccess(self, address, size, descriptions, count):  # noqa: N802
        assert self.mapped[address] == size
        assert len(descriptions) == count
        self.accessible.add(address)

    def _cuMemUnmap(self, address, size):  # noqa: N802
        assert self.mapped.pop(address) == size
        self.accessible.discard(address)
        if address in self.ranges:
            self.ranges[address].withdraw()

    def _cuMemRelease(self, handle):  # noqa: N802
        del self.handles[handle]


def install(monkeypatch):
    """Let arenas on `cuda` use a scripted driver."""
    driver = ScriptedDriver()
    monkeypatch.setattr(cuda_driver, "driver", driver)
    card = SimpleNamespace(total_memory=64 * STEP, uuid="none")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: card)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: driver.calls.append("wait"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: driver.calls.append("empty_cache"))
    monkeypatch.setattr(cuda_range.CudaRange, "send", sending(driver))
    monkeypatch.setattr(cuda_range.CudaRange, "wait", lambda self: None)
    monkeypatch.setattr(cuda_range.torch, "as_tensor", driver_tensor(driver))
    return driver


def driver_tensor(driver):
    def as_tensor(addresses, device):
        address, _ = addresses.__cuda_array_interface__["data"]
        assert address in driver.accessible, "torch can make a tensor of what is mapped only"
        return torch.frombuffer(driver.ranges[address].buffer(), dtype=torch.uint8)

    return as_tensor


def sending(driver):
    def send(self, weights, begin, end):
        driver.sent.append((begin, end))
        self.bytes[begin:end].copy_(weights[begin:end])

    return send

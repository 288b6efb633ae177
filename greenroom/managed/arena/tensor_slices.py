"""The slices that tensors are read in, by several threads, straight to where they belong."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from greenroom.managed.arena.host_copy import HostCopy
from greenroom.managed.arena.layout import Place
from greenroom.managed.arena.weight_source import Stored
from greenroom.managed.host.early_reading import READERS

SIZE = 16 * 2**20
"""Bytes that one thread reads at a time, and that a conversion holds besides the copy."""


@dataclass(frozen=True)
class TensorSlice:
    """The elements from begin to end of one tensor of a checkpoint."""

    name: str
    stored: Stored
    place: Place
    begin: int
    end: int

    @property
    def extent(self) -> tuple[int, int]:
        """From and to in the arena, in bytes; of a strided tensor the whole."""
        place, width = self.place, self.place.dtype.itemsize
        if not place.contiguous:
            return place.offset, place.end
        return place.offset + self.begin * width, place.offset + self.end * width

    def write(self, host: HostCopy) -> None:
        if self.stored.dtype == self.place.dtype and self.place.contiguous:
            self.stored.write(host, self.extent[0], self.begin, self.end)
            return
        target = self._target(host.bytes)
        values = self._values(target)
        for dimension, step in enumerate(target.stride()):
            if step == 0:  # expanded: it is one element, which torch does not write twice
                target, values = (each.narrow(dimension, 0, 1) for each in (target, values))
        target.copy_(values)

    def differs(self, host: HostCopy) -> bool:
        """The host copy has other bits than the checkpoint."""
        target = self._target(host.bytes)
        return not torch.equal(_bits(target), _bits(self._values(target).to(target.dtype)))

    def _target(self, host: Tensor) -> Tensor:
        """The elements in the host copy: flat, or a strided tensor in its shape."""
        place = self.place
        if not place.contiguous:
            return place.view(host)
        begin, end = self.extent
        return host[begin:end].view(place.dtype)

    def _values(self, target: Tensor) -> Tensor:
        return self.stored.values(self.begin, self.end).view(target.shape)


def slices_of(name: str, stored: Stored, place: Place) -> Iterator[TensorSlice]:
    """A strided tensor is one slice."""
    count = stored.shape.numel()
    step = max(1, SIZE // place.dtype.itemsize) if place.contiguous else max(1, count)
    for begin in range(0, count, step):
        yield TensorSlice(name, stored, place, begin, min(begin + step, count))


def in_threads(jobs: Iterable[Callable[[], None]]) -> None:
    """Do every job; the first error is raised when all have ended."""
    with ThreadPoolExecutor(READERS) as threads:
        for _ in threads.map(_done, jobs):
            pass


@torch.inference_mode()
def _done(job: Callable[[], None]) -> None:
    # The mode is a thread's own, and a host copy may have been made in it.
    job()


def _bits(tensor: Tensor) -> Tensor:
    return tensor.clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8)

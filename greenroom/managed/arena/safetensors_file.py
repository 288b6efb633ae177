"""Tensors of safetensors files, read where they belong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from greenroom.managed.arena.host_copy import HostCopy
from greenroom.managed.host import safetensors_header
from greenroom.managed.host.file_part import FilePart

DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "U16": torch.uint16,
    "I16": torch.int16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "C64": torch.complex64,
}


@dataclass(frozen=True)
class FileTensor:
    """A tensor in an open file."""

    part: FilePart
    shape: torch.Size
    dtype: torch.dtype

    def values(self, begin: int, end: int) -> Tensor:
        """The elements from begin to end, flat, in memory of their own."""
        made = torch.empty(end - begin, dtype=self.dtype)
        self._part(begin, end).read_into(memoryview(made.view(torch.uint8).numpy().data))
        return made

    def write(self, host: HostCopy, offset: int, begin: int, end: int) -> None:
        """Read the elements from begin to end into the host copy, from byte `offset` on."""
        host.memory.read(self._part(begin, end), offset)

    def _part(self, begin: int, end: int) -> FilePart:
        width = self.dtype.itemsize
        return self.part.part(begin * width, (end - begin) * width)


@contextmanager
def opened(path: Path) -> Iterator[dict[str, FileTensor]]:
    """Readable within the context; SetupError if the file is not there or lies about itself."""
    with safetensors_header.opened(path) as found:
        yield {
            name: FileTensor(entry.part, torch.Size(entry.shape), DTYPES[entry.dtype])
            for name, entry in found.items()
        }

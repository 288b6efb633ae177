"""Reading safetensors: the header checked as the format demands, the bytes where they belong.

The safetensors library maps the file, so that its pages would count as a second copy in
this process; here they are read into memory that is there already. The format:
https://huggingface.co/docs/safetensors (8 bytes length, a JSON header, the tensors' bytes
one after another).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from greenroom.errors import SetupError

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
_LONGEST_HEADER = 100_000_000
_LENGTH_BYTES = 8


@dataclass(frozen=True)
class FileTensor:
    """A tensor in an open file, from byte `offset` on."""

    path: Path
    descriptor: int
    offset: int
    shape: torch.Size
    dtype: torch.dtype

    def values(self, begin: int, end: int) -> Tensor:
        """The elements from begin to end, flat, in memory of their own."""
        made = torch.empty(end - begin, dtype=self.dtype)
        self.read_into(made, begin)
        return made

    def read_into(self, flat: Tensor, begin: int) -> None:
        """Fill a flat contiguous tensor of this dtype with the elements from begin on."""
        buffer = memoryview(flat.view(torch.uint8).numpy().data)
        offset = self.offset + begin * self.dtype.itemsize
        while buffer:
            got = os.preadv(self.descriptor, [buffer], offset)
            if not got:
                raise SetupError(f"checkpoint {self.path} ends at byte {offset}, too early.")
            buffer, offset = buffer[got:], offset + got


@contextmanager
def opened(path: Path) -> Iterator[dict[str, FileTensor]]:
    """Readable within the context; SetupError if the file lies about itself."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start, header = _header(path, file.read(_LENGTH_BYTES), file, size)
        found = {
            name: _tensor(path, file.fileno(), start, size, name, fields)
            for name, fields in header.items()
            if name != "__metadata__"
        }
        _check_whole(path, sum(_bytes(each) for each in found.values()), size - start)
        yield found


def _header(path: Path, prefix: bytes, file: Any, size: int) -> tuple[int, dict[str, Any]]:
    length = int.from_bytes(prefix, "little")
    start = _LENGTH_BYTES + length
    if len(prefix) < _LENGTH_BYTES or start > size or length > _LONGEST_HEADER:
        raise SetupError(
            f"checkpoint {path} has {size} bytes and says that its header has {length}; "
            "it is cut off or not a safetensors file."
        )
    try:
        header = json.loads(file.read(length))
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise SetupError(f"checkpoint {path} has a header that is not a JSON object.")
    return start, header


def _tensor(
    path: Path, descriptor: int, start: int, size: int, name: str, fields: Any
) -> FileTensor:
    try:
        dtype = DTYPES[fields["dtype"]]
        shape = torch.Size(fields["shape"])
        begin, end = fields["data_offsets"]
        right = min(shape, default=0) >= 0 <= begin
        right = right and end - begin == shape.numel() * dtype.itemsize
    except (KeyError, TypeError, ValueError, OverflowError):
        right = False
    if not right:
        raise SetupError(
            f"checkpoint {path} describes {name} as {json.dumps(fields)[:200]}; its dtype, shape "
            f"and offsets do not agree."
        )
    if start + end > size:
        raise SetupError(
            f"checkpoint {path} has {size} bytes, but {name} ends at byte {start + end}; it is "
            "cut off."
        )
    return FileTensor(path, descriptor, start + begin, shape, dtype)


def _bytes(tensor: FileTensor) -> int:
    return tensor.shape.numel() * tensor.dtype.itemsize


def _check_whole(path: Path, described: int, present: int) -> None:
    if described != present:
        raise SetupError(
            f"checkpoint {path} holds {present} bytes of tensors and describes {described}; "
            "it is damaged."
        )

"""What a safetensors file says of itself, checked as the format demands.

https://huggingface.co/docs/safetensors: 8 bytes length, a JSON header, the tensors' bytes one
after another. The library maps the file, so that its pages would count as a second copy in this
process; here they are read into memory that is there already.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from greenroom.errors import SetupError
from greenroom.managed.host.file_part import FilePart

ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "U32": 4,
    "I32": 4,
    "U64": 8,
    "I64": 8,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F16": 2,
    "BF16": 2,
    "F32": 4,
    "F64": 8,
    "C64": 8,
}
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_LONGEST_HEADER = 100_000_000
_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Entry:
    """A tensor of an open file; the dtype as the format calls it."""

    dtype: str
    shape: tuple[int, ...]
    part: FilePart


def files_of(path: Path) -> list[Path]:
    """The files behind a file, an index.json, or a folder with either. SetupError."""
    if path.is_dir():
        index, single = path / _INDEX, path / _SINGLE
        if not index.exists() and not single.exists():
            raise SetupError(f"folder {path} has neither {_SINGLE} nor {_INDEX}.")
        path = index if index.exists() else single
    return _shards(path) if path.suffix == ".json" else [path]


@contextmanager
def opened(path: Path) -> Iterator[dict[str, Entry]]:
    """Readable within the context; SetupError if the file is not there or lies about itself."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise SetupError(f"checkpoint {path} cannot be read: {error.strerror}.") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        start, header = _header(path, file.read(_LENGTH_BYTES), file, size)
        whole = FilePart(path, file.fileno(), 0, size)
        found = {
            name: _entry(whole, start, name, fields)
            for name, fields in header.items()
            if name != "__metadata__"
        }
        _check_whole(path, sum(each.part.size for each in found.values()), size - start)
        yield found


def _shards(index: Path) -> list[Path]:
    """The files that an index names; all of them lie beside it."""
    try:
        names = set(json.loads(index.read_bytes())["weight_map"].values())
        if not all(Path(name).name == name for name in names):
            raise ValueError
    except OSError as error:
        raise SetupError(f"checkpoint {index} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SetupError(
            f"checkpoint {index} is not an index; it must have a weight_map from tensor names to "
            f"the names of files beside it."
        ) from None
    return [index.parent / name for name in sorted(names)]


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


def _entry(whole: FilePart, start: int, name: str, fields: Any) -> Entry:
    try:
        dtype, shape = fields["dtype"], tuple(fields["shape"])
        begin, end = fields["data_offsets"]
        right = all(type(each) is int for each in (*shape, begin, end))
        right = right and min(shape, default=0) >= 0 <= begin
        right = right and end - begin == prod(shape) * ITEM_BYTES[dtype]
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise SetupError(
            f"checkpoint {whole.path} describes {name} as {json.dumps(fields)[:200]}; its dtype, "
            "shape and offsets do not agree."
        )
    if start + end > whole.size:
        raise SetupError(
            f"checkpoint {whole.path} has {whole.size} bytes, but {name} ends at byte "
            f"{start + end}; it is cut off."
        )
    return Entry(dtype, shape, whole.part(start + begin, end - begin))


def _check_whole(path: Path, described: int, present: int) -> None:
    if described != present:
        raise SetupError(
            f"checkpoint {path} holds {present} bytes of tensors and describes {described}; "
            "it is damaged."
        )

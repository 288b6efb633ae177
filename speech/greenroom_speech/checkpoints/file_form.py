"""Whether a file is whole, as far as its format tells: read, never executed."""

import json
import zipfile
from pathlib import Path

import numpy as np

from greenroom_speech.checkpoints.safetensors_header import read_header


def fault_of_form(path: Path) -> str | None:
    """Say what is wrong with a file; None: nothing, or its format does not tell.

    Raises OSError where it cannot be read.
    """
    if path.stat().st_size == 0:
        return "is empty"
    check = _CHECKS.get(path.suffix)
    if check is None:
        with path.open("rb") as file:
            file.read(1)
        return None
    try:
        return check(path)
    except ValueError:
        return f"is not a complete {path.suffix} file"


def _safetensors(path: Path) -> str | None:
    size = path.stat().st_size
    start, header = read_header(path)
    try:
        ends = [entry["data_offsets"][1] for entry in header.values()]
    except (AttributeError, KeyError, TypeError, IndexError):
        raise ValueError from None
    return _length(size, start + max(ends, default=0))


def _npy(path: Path) -> str | None:
    np.load(path, mmap_mode="r", allow_pickle=False)
    return None


def _pt(path: Path) -> str | None:
    with path.open("rb") as file:
        is_archive = file.read(4) == b"PK\3\4"
    # The older form of a .pt is a bare pickle, of which nothing can be said without reading it.
    return "is cut off" if is_archive and not zipfile.is_zipfile(path) else None


def _json(path: Path) -> str | None:
    json.loads(path.read_bytes())
    return None


def _length(found: int, told: int) -> str | None:
    return None if found == told else f"has {found} bytes, but its header says {told}"


_CHECKS = {".safetensors": _safetensors, ".npy": _npy, ".pt": _pt, ".json": _json}

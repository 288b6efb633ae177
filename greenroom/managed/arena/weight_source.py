"""Where weights may come from: safetensors, one file or several, or a state dict."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from greenroom.errors import SetupError
from greenroom.managed.arena import safetensors_file, torch_file

WeightSource = str | PathLike[str] | Mapping[str, Tensor]
"""A safetensors file, its index.json, a folder with either, a .pt file, or a state dict."""
_INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"


class Stored(Protocol):
    """A tensor of a checkpoint."""

    @property
    def shape(self) -> torch.Size: ...

    @property
    def dtype(self) -> torch.dtype:
        """As stored."""
        ...

    def values(self, begin: int, end: int) -> Tensor:
        """The elements from begin to end, flat."""
        ...

    def read_into(self, flat: Tensor, begin: int) -> None:
        """Fill a flat contiguous tensor of the same dtype with the elements from begin on."""
        ...


@dataclass(frozen=True)
class MemoryTensor:
    """A tensor of a state dict."""

    flat: Tensor
    shape: torch.Size

    @property
    def dtype(self) -> torch.dtype:
        return self.flat.dtype

    def values(self, begin: int, end: int) -> Tensor:
        return self.flat[begin:end]

    def read_into(self, flat: Tensor, begin: int) -> None:
        flat.copy_(self.flat[begin : begin + flat.numel()])


@contextmanager
def opened(sources: tuple[WeightSource, ...]) -> Iterator[list[tuple[str, str, Stored]]]:
    """(source, name, tensor) of all sources, readable within the context."""
    with ExitStack() as stack:
        found: list[tuple[str, str, Stored]] = []
        for source in sources:
            if isinstance(source, Mapping):
                found += [("state dict", *item) for item in _state(source, "state dict")]
                continue
            for path in _files(Path(source)):
                found += [(str(path), *item) for item in _of_file(path, stack)]
        yield found


def _of_file(path: Path, stack: ExitStack) -> list[tuple[str, Stored]]:
    try:
        if path.suffix == ".safetensors":
            return list(stack.enter_context(safetensors_file.opened(path)).items())
        return _state(torch_file.read(path), str(path))
    except OSError as error:
        raise SetupError(f"checkpoint {path} cannot be read: {error.strerror}.") from None


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        index, single = path / _INDEX, path / _SINGLE
        if not index.exists() and not single.exists():
            raise SetupError(f"folder {path} has neither {_SINGLE} nor {_INDEX}.")
        path = index if index.exists() else single
    return _shards(path) if path.suffix == ".json" else [path]


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
            f"the "
            "names of files beside it."
        ) from None
    return [index.parent / name for name in sorted(names)]


def _state(state: object, where: str) -> list[tuple[str, Stored]]:
    tensors = isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )
    if not tensors:
        raise SetupError(f"{where} must be a flat mapping of names to tensors.")
    return [
        (name, MemoryTensor(value.detach().reshape(-1), value.shape))
        for name, value in state.items()  # type: ignore[attr-defined]
    ]

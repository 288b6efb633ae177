"""Where weights may come from: safetensors, one file or several, or a state dict."""

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
from greenroom.managed.arena.host_copy import HostCopy
from greenroom.managed.host.safetensors_header import files_of

WeightSource = str | PathLike[str] | Mapping[str, Tensor]
"""A safetensors file, its index.json, a folder with either, a .pt file, or a state dict."""


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

    def write(self, host: HostCopy, offset: int, begin: int, end: int) -> None:
        """Put the elements from begin to end into the host copy, from byte `offset` on."""
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

    def write(self, host: HostCopy, offset: int, begin: int, end: int) -> None:
        host.write(self.flat[begin:end].cpu(), offset)


@contextmanager
def opened(sources: tuple[WeightSource, ...]) -> Iterator[list[tuple[str, str, Stored]]]:
    """(source, name, tensor) of all sources, readable within the context."""
    with ExitStack() as stack:
        found: list[tuple[str, str, Stored]] = []
        for source in sources:
            if isinstance(source, Mapping):
                found += [("state dict", *item) for item in _state(source, "state dict")]
                continue
            for path in files_of(Path(source)):
                found += [(str(path), *item) for item in _of_file(path, stack)]
        yield found


def _of_file(path: Path, stack: ExitStack) -> list[tuple[str, Stored]]:
    if path.suffix == ".safetensors":
        return list(stack.enter_context(safetensors_file.opened(path)).items())
    return _state(torch_file.read(path), str(path))


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

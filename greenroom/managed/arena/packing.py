"""Modules whose tensors are not those of the checkpoint but are made of them while it is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from greenroom.errors import SetupError
from greenroom.managed.arena.layout import Place
from greenroom.managed.arena.weight_source import Stored

ROWS = 512
"""Rows of a matrix that one thread packs at a time: what is unpacked meanwhile stays small."""


@dataclass(frozen=True)
class TensorForm:
    """What a tensor of the checkpoint must be."""

    shape: torch.Size
    dtypes: tuple[torch.dtype, ...]


class Packing(nn.Module):
    """A module that packs its tensors itself; ``Arena.read`` hands it those of the checkpoint."""

    def made_of(self) -> Mapping[str, TensorForm]:
        """The checkpoint's tensors by their names below this module: all of them must be there."""
        raise NotImplementedError

    def rows(self) -> int:
        """Rows that can be packed independently of one another, in blocks of ROWS."""
        raise NotImplementedError

    def pack(self, stored: Mapping[str, Stored], into: Mapping[str, Tensor], rows: range) -> None:
        """Write these rows of its own tensors, which lie in host memory whole.

        ``stored`` has what ``made_of`` names. Called from several threads. SetupError for values
        that cannot be packed.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Packed:
    """A packing module at its place in another, and the places of its tensors."""

    name: str
    module: Packing
    places: Mapping[str, Place]

    def sources(self) -> Mapping[str, TensorForm]:
        """By their full names in the checkpoint."""
        return {f"{self.name}.{name}": form for name, form in self.module.made_of().items()}

    def jobs(self, stored: Mapping[str, Stored], host: Tensor) -> Iterator[Callable[[], None]]:
        """What packs all of its rows into the host copy, piece by piece."""
        own = {name: stored[f"{self.name}.{name}"] for name in self.module.made_of()}
        into = {name: place.view(host) for name, place in self.places.items()}
        for begin in range(0, self.module.rows(), ROWS):
            rows = range(begin, min(begin + ROWS, self.module.rows()))
            yield lambda rows=rows: self.module.pack(own, into, rows)  # type: ignore[misc]


def packed_of(module: nn.Module, places: Mapping[int, Place]) -> list[Packed]:
    """All packing modules below a module."""
    return [
        Packed(name, part, {own: places[id(tensor)] for own, tensor in part.named_parameters()})
        for name, part in module.named_modules()
        if isinstance(part, Packing)
    ]


def check_form(where: str, name: str, stored: Stored, form: TensorForm) -> None:
    """SetupError for another shape or type."""
    if stored.shape != form.shape or stored.dtype not in form.dtypes:
        types = " or ".join(str(dtype).removeprefix("torch.") for dtype in form.dtypes)
        raise SetupError(
            f"{name} in {where} is {str(stored.dtype).removeprefix('torch.')} of shape "
            f"{list(stored.shape)}; it must be {types} of shape {list(form.shape)}."
        )

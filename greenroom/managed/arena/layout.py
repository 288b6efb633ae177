"""Where each parameter and buffer of some modules lies in an arena."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from greenroom.errors import SetupError
from greenroom.managed.arena.safetensors_file import DTYPES
from greenroom.managed.host.early_reading import ALIGNMENT, EarlyReading
from greenroom.managed.host.safetensors_header import Entry

_ELEMENT = 16
"""Bytes of the largest element; blocks begin at a multiple, so that views stay aligned."""


@dataclass(eq=False)
class Place:
    """One tensor: its bytes begin at `offset` in the arena and end before `end`."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype
    offset: int
    end: int
    contiguous: bool
    """Whether its elements lie one after another, in their order."""
    known: bool
    """Whether the host copy has its values."""

    @property
    def geometry(self) -> object:
        """What is the same for tied tensors."""
        return self.offset, self.shape, self.stride, self.dtype

    def contains(self, other: "Place") -> bool:
        """The other tensor is part of this one, every byte of which is its own."""
        return self.contiguous and self.offset <= other.offset and other.end <= self.end

    def view(self, base: Tensor) -> Tensor:
        """This tensor over the bytes of an arena (uint8, any device)."""
        made = torch.empty(0, dtype=self.dtype, device=base.device)
        start = self.offset // self.dtype.itemsize
        return made.set_(base.untyped_storage(), start, self.shape, self.stride)


@dataclass(eq=False)
class Block:
    """Bytes of one storage that tensors share or that one has for itself."""

    tensors: list[Tensor]
    start: int
    stop: int
    offset: int = 0

    def source(self) -> Tensor | None:
        """Its bytes as they are now (uint8); None on the meta device."""
        storage = self.tensors[0].untyped_storage()
        if storage.device.type == "meta":
            return None
        made = torch.empty(0, dtype=torch.uint8, device=storage.device)
        return made.set_(storage, self.start, (self.stop - self.start,), (1,))

    def places(self) -> Iterator[tuple[Tensor, Place]]:
        for tensor in self.tensors:
            begin, end = _extent(tensor)
            shift = self.offset - self.start
            yield (
                tensor,
                Place(
                    tensor.shape,
                    tensor.stride(),
                    tensor.dtype,
                    begin + shift if end > begin else self.offset,
                    end + shift if end > begin else self.offset,
                    contiguous=tensor.is_contiguous(),
                    known=not tensor.is_meta or end == begin,
                ),
            )


@dataclass
class Layout:
    """All blocks of some modules, one after another; `size` is in bytes."""

    blocks: list[Block] = field(default_factory=list)
    size: int = 0

    def add(self, block: Block) -> None:
        block.offset = aligned(self.size)
        self.size = block.offset + block.stop - block.start
        self.blocks.append(block)


_bound = WeakIdKeyDictionary()
"""Tensors whose memory is an arena's, and comes and goes with it."""


def bind(tensor: Tensor) -> None:
    """Remember that a tensor is in an arena now, for as long as it lives."""
    _bound[tensor] = True


def laid_out(modules: Iterable[nn.Module], early: EarlyReading | None = None) -> Layout:
    """All parameters and buffers, in the order of the modules, behind what is read already.

    Tensors that overlap in one storage (tied, views of each other) stay so, with their
    strides; the rest of a storage that no tensor sees is left behind. A tensor without values that
    is being read lies where it is read to.
    """
    groups: dict[int, list[Tensor]] = defaultdict(list)
    reading: dict[int, int] = {}
    places = dict(early.tensors) if early is not None else {}
    for owner, name, tensor in _tensors(modules):
        _check(f"{owner}.{name}", tensor)
        groups[tensor.untyped_storage()._cdata].append(tensor)
        if name in places and tensor.is_meta and _is(tensor, places[name][0]):
            reading[id(tensor)] = places.pop(name)[1]
    layout = Layout(size=early.size if early is not None else 0)
    for tensors in groups.values():
        for block in _blocks(tensors):
            if len(block.tensors) == 1 and id(block.tensors[0]) in reading:
                block.offset = reading[id(block.tensors[0])]
                layout.blocks.append(block)
            else:
                layout.add(block)
    return layout


def _is(tensor: Tensor, entry: Entry) -> bool:
    """Whether a file's bytes are this tensor's."""
    same = (tensor.dtype, tuple(tensor.shape)) == (DTYPES[entry.dtype], entry.shape)
    return same and tensor.is_contiguous()


def aligned(size: int) -> int:
    """The next offset at which a tensor may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _tensors(modules: Iterable[nn.Module]) -> Iterator[tuple[str, str, Tensor]]:
    seen: set[int] = set()
    for module in modules:
        named = (*module.named_parameters(), *module.named_buffers())
        for name, tensor in named:
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield type(module).__name__, name, tensor


def _check(name: str, tensor: Tensor) -> None:
    if tensor in _bound:
        raise SetupError(f"{name} is in another arena already; a tensor can be in one only.")
    plain = type(tensor) in (Tensor, nn.Parameter) and tensor.layout is torch.strided
    if not plain or tensor.is_quantized or tensor.is_conj() or tensor.is_neg():
        raise SetupError(
            f"{name} is {type(tensor).__name__} with layout {tensor.layout}; an arena takes "
            "plain dense tensors."
        )


def _blocks(tensors: Sequence[Tensor]) -> Iterator[Block]:
    """The merged extents of tensors of one storage."""
    block: Block | None = None
    for tensor in sorted(tensors, key=_extent):
        start, stop = _extent(tensor)
        if block is not None and start < block.stop:
            block.stop = max(block.stop, stop)
            block.tensors.append(tensor)
            continue
        if block is not None:
            yield block
        block = Block([tensor], start - start % _ELEMENT, stop)
    if block is not None:
        yield block


def _extent(tensor: Tensor) -> tuple[int, int]:
    """From and to, in bytes of the tensor's storage."""
    start = int(tensor.storage_offset()) * tensor.itemsize
    if not tensor.numel():
        return start, start
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in sizes)
    return start, start + (last + 1) * tensor.itemsize

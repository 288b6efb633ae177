"""Filling a module's places in the host copy from checkpoints: everything, and nothing else."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

import torch
from torch import nn

from greenroom.errors import SetupError
from greenroom.managed.arena.host_copy import HostCopy
from greenroom.managed.arena.layout import Place
from greenroom.managed.arena.packing import check_form, packed_of
from greenroom.managed.arena.safetensors_file import FileTensor
from greenroom.managed.arena.tensor_slices import TensorSlice, in_threads, slices_of
from greenroom.managed.arena.weight_source import Stored, WeightSource, opened
from greenroom.managed.host.early_reading import EarlyReading
from greenroom.managed.host.shared_memory import SEGMENT

Rename = Callable[[str], str | None]
"""A checkpoint's name to the module's; None leaves that tensor out."""
_NAMED = 5


@dataclass(frozen=True)
class ModuleTensor:
    """A name of a module and what it stands for."""

    place: Place
    required: bool


class Filling:
    """A host copy that is being filled, partly by what was begun before; what is there is told."""

    def __init__(
        self, host: HostCopy, early: EarlyReading | None, arrived: Callable[[int, int], None]
    ) -> None:
        self.host = host
        self._early, self._arrived = early, arrived

    def reads(self, stored: Stored, place: Place) -> bool:
        """Whether a tensor is being read to its place already."""
        early = self._early
        return (
            early is not None
            and isinstance(stored, FileTensor)
            and stored.dtype == place.dtype
            and early.holds(stored.part, place.offset)
        )

    def write(self, one: TensorSlice) -> None:
        """Read a slice to its place."""
        one.write(self.host)
        self._arrived(*one.extent)

    def wait(self) -> None:
        """Until all that was begun before is there. SetupError if a file has ended early."""
        if self._early is not None:
            for begin, end in self._early.arriving():
                self._arrived(begin, end)
            self._early = None


def wanted_of(module: nn.Module, places: Mapping[int, Place]) -> dict[str, ModuleTensor]:
    """All names of a module; required are the persistent and those without values."""
    persistent = set(module.state_dict(keep_vars=True))
    named = (
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    )
    found = {}
    for name, tensor in named:
        place = places.get(id(tensor))
        if place is None:
            raise SetupError(f"{type(module).__name__}.{name} is not in this arena.")
        found[name] = ModuleTensor(place, name in persistent or not place.known)
    return found


def fill(
    module: nn.Module,
    places: Mapping[int, Place],
    into: Filling,
    sources: tuple[WeightSource, ...],
    rename: Rename | None,
) -> None:
    """Read all tensors of a module; ``Arena.read`` says what is checked."""
    wanted = wanted_of(module, places)
    packed = packed_of(module, places)
    own = {f"{each.name}.{name}" for each in packed for name in each.places}
    forms = {name: form for each in packed for name, form in each.sources().items()}
    plain = {name: each for name, each in wanted.items() if name not in own}
    with opened(sources) as found:
        everything = _renamed(found, rename)
        sourced = {name: everything[name] for name in forms if name in everything}
        stored = {name: each for name, each in everything.items() if name not in forms}
        owner = type(module).__name__
        for name, (where, tensor) in sourced.items():
            check_form(where, name, tensor, forms[name])
        lacking = [name for name in forms if name not in sourced]
        _check(owner, plain, stored, lacking)
        wholes = {name: tensor for name, (_, tensor) in sourced.items()}
        first: dict[object, str] = {}
        for name in stored:
            first.setdefault(wanted[name].place.geometry, name)

        early = {name for name in first.values() if into.reads(stored[name][1], wanted[name].place)}

        def slices(names: Iterable[str]) -> Iterator[TensorSlice]:
            for name in names:
                yield from slices_of(name, stored[name][1], wanted[name].place)

        late = slices(set(first.values()) - early)
        in_threads(
            chain(
                # Neighbours in different segments, where threads do not wait for one another.
                (
                    partial(into.write, one)
                    for one in sorted(late, key=lambda one: one.extent[0] % SEGMENT)
                ),
                *(each.jobs(wholes, into.host.bytes) for each in packed),
            )
        )
        if early:
            into.wait()
        ties = slices(stored.keys() - set(first.values()))
        in_threads(partial(_check_tie, one, into.host) for one in ties)
    for each in wanted.values():
        each.place.known = True


def _check_tie(one: TensorSlice, host: HostCopy) -> None:
    if one.differs(host):
        raise SetupError(
            f"{one.name} is tied to another tensor of the module, but the checkpoint's values "
            "differ."
        )


def _renamed(
    found: Iterable[tuple[str, str, Stored]], rename: Rename | None
) -> dict[str, tuple[str, Stored]]:
    renamed: dict[str, tuple[str, Stored]] = {}
    for where, name, stored in found:
        target = rename(name) if rename else name
        if target is None:
            continue
        if target in renamed:
            raise SetupError(f"{target} is in {renamed[target][0]} and again in {where}.")
        renamed[target] = (where, stored)
    return renamed


def _check(
    owner: str,
    wanted: Mapping[str, ModuleTensor],
    stored: Mapping[str, tuple[str, Stored]],
    lacking: list[str],
) -> None:
    extra = [name for name in stored if name not in wanted]
    if extra:
        raise SetupError(f"the checkpoint has {_names(extra)}, which {owner} does not have.")
    for name, (where, tensor) in stored.items():
        place = wanted[name].place
        if tensor.shape != place.shape:
            raise SetupError(
                f"{name} in {where} has shape {list(tensor.shape)}; {owner} needs "
                f"{list(place.shape)}."
            )
        if not torch.can_cast(tensor.dtype, place.dtype):
            raise SetupError(
                f"{name} in {where} is {tensor.dtype}; {owner} needs {place.dtype}, which it "
                "can't be converted to."
            )
    missing = [*_missing(wanted, stored), *lacking]
    if missing:
        raise SetupError(f"the checkpoint lacks {_names(missing)}, which {owner} needs.")


def _missing(wanted: Mapping[str, ModuleTensor], stored: Mapping[str, object]) -> list[str]:
    """What is required and neither stored nor part of something stored."""
    places = [wanted[name].place for name in stored]
    geometries = {place.geometry for place in places}
    absent = [
        (name, each.place)
        for name, each in wanted.items()
        if each.required and each.place.geometry not in geometries
    ]
    return [name for name, place in absent if not any(one.contains(place) for one in places)]


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    kind = "tensors" if len(names) > 1 else "tensor"
    return f"{kind} {', '.join(names[:_NAMED])}{more}"

"""What an engine must offer to be served as a managed model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from greenroom.managed.result_cache import ResultCache

Array = npt.NDArray[Any]
Tensors = dict[str, Array]
"""Tensors of one request by name, without the batch dimension; text as arrays of str."""


class Request(Tensors):
    """The tensors of a request that came from Triton."""

    outputs: frozenset[str] = frozenset()
    """Those that it names; empty where it names none, and leaves the choice to the engine."""


def wants(request: Tensors, *outputs: str) -> bool:
    """Whether a request names one of these outputs, which are made for nobody else."""
    return isinstance(request, Request) and not request.outputs.isdisjoint(outputs)


@dataclass(frozen=True)
class Memory:
    """Bytes that an engine holds now, measured."""

    device_bytes: int = 0
    """Weights and static buffers on the device."""
    device_overhead_bytes: int = 0
    """What the process holds on the device beyond that: context, libraries."""
    host_bytes: int = 0
    """The weights' copy in host memory."""


class Engine(Protocol):
    """A model that computes. Made hot; every call comes from one thread, one at a time.

    ``ManagedModel`` is its only caller: it keeps the residency state, checks that the
    required tensors are there, and restores a warm engine before ``run``.
    """

    name: str
    """What the residency report calls it."""
    cache: ResultCache[Any] | None
    """Results kept for repeated inputs; None: none are kept."""

    def run(self, batch: Sequence[Tensors]) -> list[Tensors | Exception]:
        """Answer each request of a batch, in order, with its outputs or its error."""
        ...

    def prime(self) -> None:
        """Do one dummy run, so that the first request is as fast as the second."""
        ...

    def offload(self) -> None:
        """Leave the device. ``memory().device_bytes`` must be 0 afterwards."""
        ...

    def restore(self) -> None:
        """Come back to the device; on an exception nothing of it may stay there."""
        ...

    def memory(self) -> Memory:
        """Measured, not declared."""
        ...

    def close(self) -> None:
        """End what the engine started: processes, files."""
        ...


class OneByOne:
    """The part of an engine that answers one request at a time."""

    name: str
    cache: ResultCache[Any] | None = None

    def answer(self, request: Tensors) -> Tensors:
        """Compute the outputs of one request; raise InvalidInput for a wrong one."""
        raise NotImplementedError

    def run(self, batch: Sequence[Tensors]) -> list[Tensors | Exception]:
        """Answer one after another; one request's error leaves the others alone."""
        answers: list[Tensors | Exception] = []
        for request in batch:
            try:
                answers.append(self.answer(request))
            except Exception as error:
                answers.append(error)
        return answers

    def prime(self) -> None:
        """Nothing to warm up unless an engine says so."""


class HostEngine(OneByOne):
    """An engine that has nothing on a device."""

    def __init__(self, settings: object) -> None:
        """Every engine is made with the settings of its model; this one has nothing to set."""

    def offload(self) -> None:
        """Nothing is on a device."""

    def restore(self) -> None:
        """Nothing has to come back."""

    def memory(self) -> Memory:
        """Nothing is held on a device, and there are no weights to copy."""
        return Memory()

    def close(self) -> None:
        """Nothing was started."""


def text(value: str) -> Array:
    """A STRING tensor of shape (1,)."""
    return np.array([value], dtype=np.object_)

"""The graph of an ONNX file, its weights left where they are: in the file.

ONNX files are protobuf messages; fields are numbered as in onnx.proto. They are walked here
because protobuf's own parser copies all weights (onnx.load of 0.5 GB: 1 s and twice the memory),
whereas these are views of the mapped file.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from greenroom.errors import SetupError

Array = npt.NDArray[Any]

_TYPES = {1: "<f4", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8"}
"""TensorProto.DataType to numpy; a network in plain precision has no others."""
_FLOATS = {4: "<f4", 10: "<f8"}
"""Fields that hold a tensor's values where raw_data does not."""
_FIXED = {1: 8, 5: 4}
"""Wire types of a fixed size, in bytes."""


@dataclass(frozen=True)
class Node:
    """One operation: what it is, what it reads and makes, and its integer attributes."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    integers: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class OnnxGraph:
    """Operations in an order in which they can run, and all constants by name."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]


def read_graph(path: Path) -> OnnxGraph:
    """Read the graph of an ONNX file; SetupError if it is none or keeps its weights elsewhere."""
    try:
        content = np.memmap(path, np.uint8, mode="c").data
        (graph,) = _parts(content, 7)
        constants = dict(_tensor(part) for part in _parts(graph, 5))
        nodes = tuple(_node(part, constants) for part in _parts(graph, 1))
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, IndexError) as error:
        raise SetupError(
            f"{path} is not a complete ONNX file with its weights inside: {error}."
        ) from None
    return OnnxGraph(nodes, constants)


def _node(message: memoryview, constants: dict[str, Array]) -> Node:
    """An operation; the value of a Constant joins the constants."""
    outputs = _words(message, 2)
    integers = {}
    for attribute in _parts(message, 5):
        (name,) = _words(attribute, 1)
        integers[name] = (*_integers(attribute, 3), *_integers(attribute, 8))
        for tensor in _parts(attribute, 5):
            constants[outputs[0]] = _tensor(tensor)[1]
    (kind,) = _words(message, 4)
    return Node(kind, _words(message, 1), outputs, integers)


def _tensor(message: memoryview) -> tuple[str, Array]:
    name, shape = "".join(_words(message, 8)), _integers(message, 1)
    (kind,) = _integers(message, 2)
    if any(_integers(message, 14)):
        raise ValueError(f"tensor {name!r} lies in another file")
    if kind not in _TYPES:
        return name, np.empty(0)
    for field, stored in {9: _TYPES[kind], **_FLOATS}.items():
        for values in _parts(message, field):
            return name, np.frombuffer(values, stored).reshape(shape)
    integers = [*_integers(message, 5), *_integers(message, 7)]
    return name, np.array(integers, _TYPES[kind]).reshape(shape)


def _words(message: memoryview, wanted: int) -> tuple[str, ...]:
    return tuple(bytes(part).decode() for part in _parts(message, wanted))


def _parts(message: memoryview, wanted: int) -> list[memoryview]:
    """The values of a field that are messages, text or bytes."""
    return [v for number, v in _fields(message) if number == wanted and isinstance(v, memoryview)]


def _integers(message: memoryview, wanted: int) -> list[int]:
    """The values of a signed integer field, be they one by one or packed."""
    found: list[int] = []
    for number, value in _fields(message):
        if number == wanted:
            found += [value] if isinstance(value, int) else _packed(value)
    return [value - (1 << 64) if value >> 63 else value for value in found]


def _packed(message: memoryview) -> list[int]:
    found, at = [], 0
    while at < len(message):
        value, at = _varint(message, at)
        found.append(value)
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Walk a message: the number of each field, and its integer or its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        else:
            size = _FIXED.get(wire, len(message))
        if at + size > len(message):
            raise ValueError("it ends too early or holds something else")
        yield number, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7

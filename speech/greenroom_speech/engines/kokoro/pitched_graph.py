"""Kokoro's graph with its pitch as an input and an output.

The curve F0 that the network foresees is moved before the decoder speaks with it:
``ln F0' = range * ln F0 + level`` wherever it is voiced. Seven nodes are appended to the file:
protobuf reads two messages one after the other as one, so nothing of it needs to be parsed.
"""

import struct

CURVE = "/encoder/Squeeze_output_0"
"""What the decoder reads; it is renamed where it is made."""
FORESEEN = "/encoder/Squeeze_output_r"
"""The curve before it was moved: Hz, 80 a second. Of the same length as the old name."""
RANGE, LEVEL = "pitch_range", "pitch_level"
VOICED_HERTZ = 20.0
"""Less is not voiced."""

_FLOAT = 1
_GRAPH = 7  # field of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # fields of GraphProto


def with_pitch(model: bytearray) -> None:
    """Change the file in place."""
    made = _field(2, CURVE.encode())
    place = model.index(made)
    model[place : place + len(made)] = _field(2, FORESEEN.encode())
    model += _field(_GRAPH, _nodes())


def _nodes() -> bytes:
    return b"".join(
        [
            _field(_INITIALIZER, _scalar("pitch_least", VOICED_HERTZ)),
            _node("Max", [FORESEEN, "pitch_least"], "pitch_hertz"),
            _node("Log", ["pitch_hertz"], "pitch_log"),
            _node("Mul", ["pitch_log", RANGE], "pitch_ranged"),
            _node("Add", ["pitch_ranged", LEVEL], "pitch_levelled"),
            _node("Exp", ["pitch_levelled"], "pitch_moved"),
            _node("Greater", [FORESEEN, "pitch_least"], "pitch_voiced"),
            _node("Where", ["pitch_voiced", "pitch_moved", FORESEEN], CURVE),
            _field(_INPUT, _value(RANGE, 1)),
            _field(_INPUT, _value(LEVEL, 1)),
            _field(_OUTPUT, _value(FORESEEN, 1, None)),
        ]
    )


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    named = b"".join(_field(1, name.encode()) for name in inputs)
    return _field(_NODE, named + _field(2, output.encode()) + _field(4, kind.encode()))


def _scalar(name: str, value: float) -> bytes:
    dims, kind = _number(1, 1), _number(2, _FLOAT)
    return dims + kind + _field(8, name.encode()) + _field(9, struct.pack("<f", value))


def _value(name: str, *dims: int | None) -> bytes:
    """A float tensor; None is a length that is not known before."""
    sizes = (_field(2, b"frames") if dim is None else _number(1, dim) for dim in dims)
    shape = b"".join(_field(1, size) for size in sizes)
    tensor = _field(1, _number(1, _FLOAT) + _field(2, shape))
    return _field(1, name.encode()) + _field(2, tensor)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    low = value & 0x7F
    return bytes([low | 0x80]) + _varint(value >> 7) if value >> 7 else bytes([low])

"""Parses messages of gRPC calls whose few bytes cannot become many.

A parsed message holds some 60 bytes for an empty field of two, and eight for an integer of one:
16 MB of empty inputs are 700 MB, and seconds in which nobody else is answered. So the encoding
(protobuf.dev/programming-guides/encoding) of a large message is walked first, without parsing it.
"""

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2 as pb

from greenroom.errors import InvalidInput
from greenroom.gateway.request_checks import check_length
from greenroom.triton.raw_tensors import InferRequest

_LARGE = 2**16
"""Bytes; what is smaller becomes a few megabytes at the most."""
_MOST_FIELDS = 20_000
_MOST_INTEGER_BYTES = 6 * 2**20
"""Of all packed integers, each of which may become eight times its size."""
_MOST_CONTENTS = 24 * 2**20
"""Of all contents, which become raw tensors: one copy more than raw_input_contents need."""
_CONTENTS = "InferTensorContents"
_RAW = pb.ModelInferRequest.DESCRIPTOR.fields_by_name["raw_input_contents"].full_name
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED = frozenset(
    {
        FieldDescriptor.TYPE_DOUBLE,
        FieldDescriptor.TYPE_FLOAT,
        FieldDescriptor.TYPE_FIXED32,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_STRING,
        FieldDescriptor.TYPE_BYTES,
    }
)
"""Types whose values take no more memory than bytes on the wire."""


def parse(kind: type[Any], data: bytes) -> Any:
    """Returns a message of that kind.

    Raises InvalidInput for what is none, is too fine-grained or has a long name: Triton's sentences
    repeat names, as metadata, of which it sends what no client takes.
    """
    try:
        if len(data) > _LARGE:
            _Walk(data, kind.DESCRIPTOR.name).message(0, len(data), kind.DESCRIPTOR)
        message = kind.FromString(data)
    except (DecodeError, IndexError):
        raise _no_message(kind) from None
    for about, value in message.ListFields():
        if about.type == FieldDescriptor.TYPE_STRING:
            check_length(about.name, value)
    return message


def parse_infer(data: bytes) -> InferRequest:
    """An infer request; the raw tensors of a large one are views of `data`. Raises as `parse`."""
    kind = pb.ModelInferRequest
    if len(data) <= _LARGE:
        message = parse(kind, data)
        raws = list(message.raw_input_contents)
        message.ClearField("raw_input_contents")
        return InferRequest(message, raws)
    try:
        walk = _Walk(data, kind.DESCRIPTOR.name)
        walk.message(0, len(data), kind.DESCRIPTOR)
        view, done, rest = memoryview(data), 0, []
        for tag, _, end in walk.raws:
            rest.append(view[done:tag])
            done = end
        message = kind.FromString(b"".join((*rest, view[done:])))
    except (DecodeError, IndexError):
        raise _no_message(kind) from None
    return InferRequest(message, [view[begin:end] for _, begin, end in walk.raws])


def _no_message(kind: type[Any]) -> InvalidInput:
    return InvalidInput(f"The request is not a {kind.DESCRIPTOR.name} message.")


@dataclass
class _Walk:
    """Raises InvalidInput at a bound, DecodeError or IndexError for what is no encoding."""

    data: bytes
    kind: str
    fields: int = 0
    integer_bytes: int = 0
    contents_bytes: int = 0
    raws: list[tuple[int, int, int]] = field(default_factory=list)
    """Where the tag of each raw tensor begins, and where its bytes begin and end."""

    def message(self, at: int, end: int, descriptor: Descriptor) -> None:
        while at < end:
            self.fields += 1
            began = at
            self._check("fields", self.fields, _MOST_FIELDS)
            tag, at = self._varint(at)
            wire = tag & 7
            if wire == _VARINT:
                _, at = self._varint(at)
            elif wire == _FIXED64:
                at += 8
            elif wire == _FIXED32:
                at += 4
            elif wire == _LENGTH:
                size, at = self._varint(at)
                if at + size > end:
                    raise DecodeError
                known = descriptor.fields_by_number.get(tag >> 3)
                if known is not None and known.full_name == _RAW:
                    self.raws.append((began, at, at + size))
                self._sized(at, size, known)
                at += size
            else:
                raise DecodeError  # groups, which no message here has

    def _sized(self, at: int, size: int, known: FieldDescriptor | None) -> None:
        if known is None:
            return
        if known.message_type is not None:
            if known.message_type.name == _CONTENTS:
                self.contents_bytes += size
                self._check("bytes of contents", self.contents_bytes, _MOST_CONTENTS)
            self.message(at, at + size, known.message_type)
        elif known.type not in _FIXED:
            self.integer_bytes += size
            self._check("bytes of integers", self.integer_bytes, _MOST_INTEGER_BYTES)

    def _check(self, what: str, number: int, most: int) -> None:
        if number > most:
            raise InvalidInput(
                f"The {self.kind} has more than {most} {what}; send tensors in raw_input_contents."
            )

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 70:
            byte = self.data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, at
            shift += 7
        raise DecodeError

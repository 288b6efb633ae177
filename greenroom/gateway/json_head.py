"""The JSON of a request, or at the head of an infer request: unpacked and parsed once.

What is checked has to be what Triton reads. So two equal keys in one object are refused (Triton
takes the first, Python the last). Numbers under "data" are counted, not parsed: they are most of
a large request, and nothing depends on their values here. And nesting is bounded: Triton reads JSON
by recursion, so a million brackets end it (SIGSEGV).
"""

import asyncio
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from greenroom.errors import InvalidInput, TooLarge
from greenroom.gateway.control_guard import refuse_control
from greenroom.gateway.held_bytes import HeldBytes
from greenroom.triton.http_client import HEADER_LENGTH

_ANY_WINDOW = zlib.MAX_WBITS | 32
"""zlib's sign for: gzip or zlib, as the data says."""
_LARGE = 2**20
"""Bytes of JSON that take some milliseconds."""
_SPARE_BYTES = 32 * 2**20
"""What JSON may always have when it is unpacked."""
_STEP = 2**18
_MOST_VALUES = 250_000
"""Each takes up to 300 bytes when it is parsed, and can be sent in three."""
_MOST_DEPTH = 64
"""Of arrays and objects in each other; a shape has at most 32 dimensions."""
_MOST_WIDE = 4 * 2**20
"""Bytes of JSON that may have characters beyond U+FFFF."""
_WIDE = re.compile(rb"[\xf0-\xff]|\\u[dD][89a-fA-F]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]"))
_DATA = re.compile(rb'"data"\s*:\s*(?=\[)')


@dataclass(frozen=True)
class SkippedArray:
    """An array under "data" that was not parsed: how many values it has."""

    values: int


@dataclass(frozen=True)
class JsonHead:
    """An infer request's JSON, and how many bytes of tensors follow it."""

    json: dict[str, Any]
    binary: int


async def head_of(
    body: bytes,
    header_length: str | None,
    encoding: str | None,
    most: int,
    held: HeldBytes,
    *,
    counts_data: bool,
) -> JsonHead:
    """Read the JSON at the head of a request's body, in a thread where that takes long.

    `header_length` is that header of Triton's, None: all of it is JSON; `encoding`
    is Content-Encoding; no more than `most` bytes are unpacked, counted in `held` until they are
    read; `counts_data` as `read_json` has it. Raises InvalidInput, TooLarge, QueueFull,
    and PermissionDenied if it names the control input.
    """

    def read() -> JsonHead:
        with held.hold() as hold:
            head, size = json_part(body, header_length, encoding, most, hold.add)
            return JsonHead(_object(read_json(head, counts_data)), size - len(head))

    return await asyncio.to_thread(read) if encoding or len(body) > _LARGE else read()


def read_object(text: bytes) -> dict[str, Any]:
    """Parse a request that has to be a JSON object. Raises what `read_json` does."""
    return _object(read_json(text))


def _object(parsed: Any) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise InvalidInput("The body must be a JSON object; see the KServe v2 protocol.")
    return parsed


def read_json(text: bytes, counts_data: bool = False) -> Any:
    """Raises InvalidInput, and PermissionDenied if it names the control input.

    That is looked for in every key, and in every value under the key "name". With `counts_data`,
    as for an infer request, the arrays of numbers under "data" are only counted.
    """
    refuse_wide(text)
    names: list[str] = []
    twice: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            names.append(key)
            if key in found:
                twice.append(key)
            if key == "name" and isinstance(value, str):
                names.append(value)
            is_count = counts_data and key == "data" and type(value) is int
            found[key] = SkippedArray(value) if is_count else value
        return found

    counted = _numbers_counted(text) if counts_data else text
    if sum(map(counted.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise InvalidInput(
            f"The body's JSON has more than {_MOST_VALUES:,} commas and brackets outside arrays "
            f"of numbers; send tensors as binary data."
        )
    try:
        parsed = json.loads(counted.decode(), object_pairs_hook=collect)
    except ValueError:
        raise InvalidInput("The body is not JSON; see the KServe v2 protocol.") from None
    except RecursionError:
        raise _too_deep() from None
    if _nested(parsed):
        raise _too_deep()
    refuse_control(names)
    if twice:
        raise InvalidInput(f"Field {twice[0][:50]!r} appears twice in one object of the body.")
    return parsed


def refuse_wide(text: bytes) -> None:
    """Raises TooLarge for long JSON that has a character beyond U+FFFF, such as an emoji.

    With one of them Python keeps the whole text, and the string that has it, at four bytes for
    each character, and some copies of both at one time.
    """
    if len(text) > _MOST_WIDE and _WIDE.search(text):
        raise TooLarge(
            f"The body's JSON has {len(text)} bytes and a character beyond U+FFFF, such as an "
            f"emoji; then it may have {_MOST_WIDE} bytes. Send what is large as binary data or in "
            "a form."
        )


def _too_deep() -> InvalidInput:
    return InvalidInput(
        f"The body's JSON is nested too deeply; at most {_MOST_DEPTH} arrays and objects may be "
        "inside each other."
    )


def _nested(parsed: Any) -> bool:
    """Deeper than it may be."""
    level = [parsed]
    for _ in range(_MOST_DEPTH + 1):
        inside: list[Any] = []
        for one in level:
            if isinstance(one, dict | list):
                inside += one.values() if isinstance(one, dict) else one
        level = inside
    return bool(level)


def _numbers_counted(text: bytes) -> bytes:
    """Put the number of values in the place of every "data" array without strings or objects.

    An array reaches to the last bracket before the next quote or brace; what is no JSON inside,
    Triton refuses. In a string no quote stands without a backslash, so no string is taken for one.
    """
    parts: list[bytes] = []
    done = 0
    for begin, end in _arrays(text):
        _check_brackets(text[begin:end].translate(None, _NOT_BRACKETS))
        parts += text[done:begin], b"%d" % _values(text[begin:end])
        done = end
    return b"".join((*parts, text[done:])) if parts else text


def _check_brackets(brackets: bytes) -> None:
    """Raises InvalidInput if they are too deep, or do not match: each round ends one level."""
    for _ in range(_MOST_DEPTH):
        if not brackets:
            return
        before, brackets = len(brackets), brackets.replace(b"[]", b"")
        if len(brackets) == before or b"[" * _MOST_DEPTH in brackets:
            break
    if brackets:
        raise InvalidInput(
            f"Field data is nested too deeply, in more than {_MOST_DEPTH} arrays, or its brackets "
            "do not match."
        )


def numbers_apart(text: bytes) -> tuple[bytes, list[bytes]]:
    """JSON in whose "data" arrays of numbers stand their places in the list of them."""
    parts: list[bytes] = []
    arrays: list[bytes] = []
    done = 0
    for begin, end in _arrays(text):
        parts += text[done:begin], b"%d" % len(arrays)
        arrays.append(text[begin:end])
        done = end
    return b"".join((*parts, text[done:])), arrays


def _arrays(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the "data" arrays without strings or objects begin and end."""
    done = 0
    for match in _DATA.finditer(text):
        begin = match.end()
        end = text.find(b'"', begin)
        for brace in (b"{", b"}"):
            found = text.find(brace, begin, None if end < 0 else end)
            end = found if found >= 0 else end
        end = text.rfind(b"]", begin, None if end < 0 else end) + 1
        if end and begin >= done:
            yield begin, end
            done = end


def _values(array: bytes) -> int:
    commas = array.count(b",")
    return commas + 1 if commas or array.strip(b"[] \t\r\n") else 0


def json_part(
    body: bytes,
    header_length: str | None,
    encoding: str | None,
    most: int,
    count: Callable[[int], None],
) -> tuple[bytes, int]:
    """The JSON at the head of a body, and how many bytes the body has, both unpacked.

    Without a length all of it is JSON. What follows the JSON is unpacked to be measured, not kept.
    `count` is called with the bytes of each copy before it grows.
    """
    if not encoding or encoding.lower() == "identity":
        size = len(body)
        length = _length(header_length, size)
        count(length)
        return body[:length], size
    if encoding.lower() not in ("gzip", "deflate"):
        raise InvalidInput(f"Content-Encoding is {encoding!r}; it must be gzip or deflate.")
    head, size = bytearray(), 0
    wanted = _length(header_length, most)
    bound = _SPARE_BYTES + 3 * len(body)
    for piece in _unpacked(body, encoding):
        wants = min(len(piece), max(0, wanted - size))
        count(wants)
        head += piece[:wants]
        size += len(piece)
        if size > most:
            raise TooLarge(f"The unpacked body has more than max_request_bytes ({most}) bytes.")
        if len(head) > bound:
            raise TooLarge(
                f"The JSON of the body has more than {bound} bytes when unpacked; allowed are 3 "
                f"times the {len(body)} that were sent and {_SPARE_BYTES} more. Send tensors as "
                f"binary data, or the body unpacked."
            )
    _length(header_length, size)
    return bytes(head), size


def unpacked_body(body: bytes, encoding: str | None) -> bytes:
    """All of a body that has been checked. Raises TooLarge where little becomes much."""
    if not encoding or encoding.lower() == "identity":
        return body
    unpacked, bound = bytearray(), _SPARE_BYTES // 2 + len(body)
    for piece in _unpacked(body, encoding):
        unpacked += piece
        if len(unpacked) > bound:
            raise TooLarge(
                f"The body has more than {bound} bytes when unpacked; allowed are the {len(body)} "
                f"that were sent and {_SPARE_BYTES // 2} more. Send it unpacked."
            )
    return bytes(unpacked)


def _length(header_length: str | None, size: int) -> int:
    if header_length is None:
        return size
    if not re.fullmatch(r"[0-9]{1,10}", header_length) or int(header_length) > size:
        raise InvalidInput(
            f"{HEADER_LENGTH} is {header_length[:20]!r}; it must be a number of "
            f"bytes up to the body's length, {size}."
        )
    return int(header_length)


def _unpacked(body: bytes, encoding: str) -> Iterator[bytes]:
    """What is in the first packed part; Triton does not read another one either."""
    unpacker = zlib.decompressobj(_ANY_WINDOW)
    try:
        for begin in range(0, len(body), _STEP):
            rest = body[begin : begin + _STEP]
            while rest:
                yield unpacker.decompress(rest, _STEP)
                rest = unpacker.unconsumed_tail
            if unpacker.eof:
                return
        while piece := unpacker.decompress(b"", _STEP):
            yield piece
    except zlib.error:
        raise InvalidInput(
            f"The body is not {encoding}, although Content-Encoding says so."
        ) from None

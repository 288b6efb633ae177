"""Keeps the RESIDENCY control input for the controller: a client may not send it."""

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any

from greenroom.errors import InvalidInput, Refused, TooLarge
from greenroom.residency.control import RESIDENCY_INPUT
from greenroom.triton.http_client import HEADER_LENGTH

_NAME = RESIDENCY_INPUT.encode()
_MANY_BRACKETS = 10_000
"""Triton's parser is recursive: it dies at some 100,000 levels. Python's refuses far less."""
_ANY_WINDOW = zlib.MAX_WBITS | 32
"""zlib's sign for: gzip or zlib, as the data says."""


def refuse_control(names: Iterable[str]) -> None:
    """Raise Refused if one of the input names is the control input.

    Triton reads a name only up to its first NUL.
    """
    if any(name.partition("\0")[0] == RESIDENCY_INPUT for name in names):
        raise Refused(
            f"Input {RESIDENCY_INPUT} is reserved for the controller; "
            "use POST /residency/{model}/{load|offload|restore|unload}."
        )


def refuse_control_in_json(text: bytes) -> None:
    """Raise Refused if a request's JSON names the control input anywhere as an input.

    The name is looked for in the bytes first: only a hit, an escape that could hide one, or
    brackets enough to kill Triton cost a parse. All names are collected, since of two equal
    keys Triton takes the first and Python the last. Raises InvalidInput for what is no JSON.
    """
    brackets = text.count(b"[") + text.count(b"{")
    if _NAME in text or b"\\" in text or brackets > _MANY_BRACKETS:
        refuse_control(_names(text))


def _names(text: bytes) -> list[str]:
    """Return every key, and every value under the key "name"."""
    names: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names.extend(key for key, _ in pairs)
        names.extend(value for key, value in pairs if key == "name" and isinstance(value, str))
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=collect)
    except ValueError:
        raise InvalidInput("The body is not JSON; see the KServe v2 protocol.") from None
    except RecursionError:
        raise InvalidInput("The body's JSON is nested too deeply.") from None
    return names


def json_part(body: bytes, header_length: str | None, encoding: str | None, most: int) -> bytes:
    """Return the JSON at the head of an infer request's body, uncompressed.

    `header_length` is that header of Triton's, None: all of it is JSON; `encoding`
    is Content-Encoding; no more than `most` bytes are unpacked. Raises InvalidInput, TooLarge.
    """
    if encoding and encoding.lower() in ("gzip", "deflate"):
        body = _unpacked(body, encoding, most)
    elif encoding and encoding.lower() != "identity":
        raise InvalidInput(f"Content-Encoding is {encoding!r}; it must be gzip or deflate.")
    if header_length is None:
        return body
    if not re.fullmatch(r"[0-9]{1,10}", header_length) or int(header_length) > len(body):
        raise InvalidInput(
            f"{HEADER_LENGTH} is {header_length[:20]!r}; it must be a number of bytes up to the "
            f"body's length, {len(body)}."
        )
    return body[: int(header_length)]


def _unpacked(body: bytes, encoding: str, most: int) -> bytes:
    unpacker = zlib.decompressobj(_ANY_WINDOW)
    try:
        plain = unpacker.decompress(body, most)
    except zlib.error:
        raise InvalidInput(f"The body is not {encoding} as Content-Encoding says.") from None
    if unpacker.unconsumed_tail:
        raise TooLarge(f"The unpacked body has more than max_request_bytes ({most}) bytes.")
    return plain

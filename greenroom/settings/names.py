"""Settings that are lists: of host names, and of origins of web pages."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_settings import NoDecode

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.IGNORECASE)
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(:[0-9]+)?")


def _split(given: object) -> object:
    if isinstance(given, str):
        return tuple(part for part in map(str.strip, given.split(",")) if part)
    return given


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _HOST.fullmatch(name):
            raise ValueError(f"{name} is not a host name; a host name has no scheme and no port")
    return names


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin} is not an origin; an origin is a scheme and a host in lower case, with "
                f"a port if it is not the usual one, such as https://studio.example"
            )
    return origins


_List = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_split),
    PlainSerializer(",".join, return_type=str, when_used="json"),
]
"""Commas between the parts, in the environment that is read and in the one that is made."""

HostNames = Annotated[_List, AfterValidator(_hosts)]
Origins = Annotated[_List, AfterValidator(_origins)]

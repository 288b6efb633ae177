"""Variables that look like settings and are none: misspelt, renamed, or of another release."""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from greenroom.settings.environment import PREFIX, EnvironmentSettings

_OTHERS = re.compile(rf"{PREFIX}(\w+_(ENGINE|PRECISION)|URL|API_KEY)")
"""A model's engine and precision are chosen by its name; the last two are the client's."""


def unread_settings(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that nothing which has been imported here reads."""
    known = {f"{PREFIX}{name.upper()}" for name in _fields(EnvironmentSettings)}
    return [
        f"{name} is not read: {_reason(name, known)}."
        for name, value in sorted(environment.items())
        if name.startswith(PREFIX) and value and name not in known and not _OTHERS.fullmatch(name)
    ]


def renamed_settings(kind: type[EnvironmentSettings] = EnvironmentSettings) -> dict[str, str]:
    """Variables that earlier releases read, of all parts that have been imported here."""
    names = dict(kind.renamed)
    for below in kind.__subclasses__():
        names |= renamed_settings(below)
    return names


def _fields(kind: type[EnvironmentSettings]) -> Iterator[str]:
    yield from kind.model_fields
    for below in kind.__subclasses__():
        yield from _fields(below)


def _reason(name: str, known: Iterable[str]) -> str:
    renamed = renamed_settings()
    if name in renamed:
        return f"it is called {renamed[name]} now"
    nearest = get_close_matches(name, known, n=1, cutoff=0.8)
    return f"no setting has this name{f'; the nearest is {nearest[0]}' if nearest else ''}"

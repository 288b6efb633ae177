"""A text with several speakers: lines that begin with a voice's name in brackets."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_NAME = re.compile(r"^[ \t]*\[([^\[\]\n]{1,64})\][ \t]*", re.MULTILINE)


@dataclass(frozen=True)
class Turn:
    """What one speaker says before the next one does."""

    voice: str | None
    """None: that of the request."""
    text: str


def named(text: str) -> set[str]:
    """What stands in brackets at the beginning of a line, voice or not."""
    return {mark[1].strip() for mark in _NAME.finditer(text)}


def turns(text: str, is_voice: Callable[[str], bool]) -> Iterator[Turn]:
    """The turns that say anything, in their order; one without a voice where no line names one.

    A line that begins with another word in brackets goes on with the turn before it.
    """
    start: int = 0
    voice: str | None = None
    for mark in _NAME.finditer(text):
        name = mark[1].strip()
        if is_voice(name):
            if text[start : mark.start()].strip():
                yield Turn(voice, text[start : mark.start()])
            start, voice = mark.end(), name
    if text[start:].strip() or voice is None:
        yield Turn(voice, text[start:])

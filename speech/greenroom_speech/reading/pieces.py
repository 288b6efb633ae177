"""A text of any length as what one says in one breath after the other, with the pauses between.

It is cut as it is said, so a long text costs no more memory, nor time at a stretch, than a short.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from greenroom_speech.reading.plain import TextPart
from greenroom_speech.sentences import LONGEST_SECONDS, pieces, sentences, spoken_seconds

SENTENCE_PAUSE, PARAGRAPH_PAUSE = 0.25, 0.6
"""Seconds."""
_BLOCK = 2000
"""Characters that are looked at together."""
_PARAGRAPH = re.compile(r"\n\s*\n\s*")
_ENDS = re.compile(r"""[.!?。！？…]["'”’」』)]*\s|[。！？]|\n""")


@dataclass(frozen=True)
class Said:
    """A piece of a text."""

    text: str
    pause: float
    """Seconds of silence after it."""
    spoken: str | None = None
    """With words for its figures; None: as it is."""
    unsaid: str = ""
    """Its words that have no sound, which are left out."""


def said(parts: Iterable[TextPart]) -> Iterator[Said]:
    """The pieces of a text's parts in order, whole sentences where they are not too long.

    The first is one sentence, so that it is heard soon, and each of the others lasts no longer
    than all before it, so that it is made while they are heard. No pause follows the last.
    Nothing comes of a text in which there is nothing to say.
    """
    last, heard = None, 0.0
    for part in parts:
        for block, pause in _blocks(part.text):
            for piece in _grown(block, heard):
                heard += spoken_seconds(piece)
                if last:
                    yield last
                last = Said(piece, SENTENCE_PAUSE)
            if last:
                last = Said(last.text, max(last.pause, pause))
        if last and part.pause:
            last = Said(last.text, part.pause)
    if last:
        yield Said(last.text, 0.0)


def _grown(block: str, heard: float) -> Iterator[str]:
    """The pieces of a block; `heard` are the seconds before it."""
    group, lasts = "", 0.0
    for sentence in sentences(block):
        for part in pieces(sentence, LONGEST_SECONDS):
            more = spoken_seconds(part)
            if group and (not heard or lasts + more > min(LONGEST_SECONDS, heard)):
                yield group
                heard, group, lasts = heard + lasts, "", 0.0
            group, lasts = f"{group} {part}".strip(), lasts + more
    if group:
        yield group


def _blocks(text: str) -> Iterator[tuple[str, float]]:
    """Parts that say something, small enough to be cut at once, and the pause after each."""
    start = 0
    while start < len(text):
        head = text[start : start + _BLOCK]
        end, pause = _end_of(head, len(text) - start > _BLOCK)
        block, start = head[:end], start + end
        if any(sign.isalnum() for sign in block):
            yield block, pause
        elif pause:
            yield "", pause


def _end_of(head: str, more: bool) -> tuple[int, float]:
    """Where a block ends, and the pause after it; `more` text comes after the head."""
    if paragraph := _PARAGRAPH.search(head):
        return paragraph.end(), PARAGRAPH_PAUSE
    if not more:
        return len(head), 0.0
    ends = [mark.end() for mark in _ENDS.finditer(head)]
    return (ends[-1] if ends else head.rfind(" ") + 1 or len(head)), 0.0

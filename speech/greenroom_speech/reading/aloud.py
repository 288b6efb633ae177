"""From a text as it was written to what an engine is given, piece by piece."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

from greenroom_speech.engines.embedded.languages import code_of, guess
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.reading.pieces import Said, said
from greenroom_speech.reading.plain import TextPart, plain
from greenroom_speech.reading.spoken_form import spoken_form

_LONG, _LONG_AT_ONCE = 10_000, 2
"""Characters of a text that takes a moment, and such texts read at one time: others need threads
too, of which there are few."""


@dataclass(frozen=True)
class Reading:
    """A text without its marks, ready to be read aloud."""

    parts: Sequence[TextPart]
    language: str | None = None
    """Its code; None: each piece's script tells."""
    tags: Sequence[str] = ()
    """What stays as it is."""
    unsaid: str = ""
    """The characters that were left out."""

    def pieces(self) -> Iterator[Said]:
        """What is said in one breath each, as written."""
        return said(self.parts)

    def spoken(self, piece: str) -> str:
        """A piece with words for its figures; takes milliseconds, so call it in a thread."""
        return spoken_form(piece, self.language or guess(piece), self.tags)

    async def said(self, pieces: Iterator[Said]) -> AsyncGenerator[Said, None]:
        """The pieces with what is spoken of them, each when it is wanted."""
        for piece in pieces:
            yield replace(piece, spoken=await asyncio.to_thread(self.spoken, piece.text))


def reading_of(
    text: str, language: str | None, tags: Sequence[str] = (), *, read_code: bool = False
) -> Reading:
    """Takes up to seconds for a long text: call it in a thread.

    ``language`` is a code or name, ``tags`` are what the engine knows in brackets, and fenced
    code is left out unless ``read_code``.
    """
    words = plain(text, tags, read_code=read_code)
    return Reading(words.parts, code_of(language), tags, words.unsaid)


class ReadAloud:
    """Reads texts for one engine of tts."""

    def __init__(self, known: Callable[[], EngineTags], read_code: bool) -> None:
        """`known` tells what the engine can be asked for."""
        self.known = known
        self._read_code = read_code
        self._reading = asyncio.Semaphore(_LONG_AT_ONCE)

    async def of(self, text: str, language: str | None) -> Reading:
        """The reading of a whole text; others get their turns meanwhile."""
        async with self._reading if len(text) > _LONG else nullcontext():
            tags = self.known().kept
            read = partial(reading_of, text, language, tags, read_code=self._read_code)
            return await asyncio.to_thread(read)

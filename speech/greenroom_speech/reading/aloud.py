"""From a text as it was written to what an engine is given, piece by piece."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from greenroom_speech.engines.embedded.languages import code_of, guess
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.reading.pieces import Said, said
from greenroom_speech.reading.plain import TextPart, plain
from greenroom_speech.reading.scripts import foreign, without_foreign
from greenroom_speech.reading.spoken_form import spoken_form

_LONG, _LONG_AT_ONCE = 10_000, 2
"""Characters of a text that takes a moment, and such texts read at one time: others need threads
too, of which there are few."""


_NOTHING = EngineTags()


@dataclass(frozen=True)
class Reading:
    """A text without its marks, ready to be read aloud."""

    parts: Sequence[TextPart]
    language: str | None = None
    """Its code; None: each piece's script tells."""
    tags: Sequence[str] = ()
    """What stays as it is."""
    scripts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """As the engine's tags have them."""
    languages: Sequence[str] = ()
    """The only ones that the voice says; none: it says any."""
    signs: str = ""
    """The characters that were left out."""

    def pieces(self) -> Iterator[Said]:
        """What is said in one breath each, as written."""
        return said(self.parts)

    def spoken(self, piece: str) -> str:
        """A piece with words for its figures; takes milliseconds, so call it in a thread.

        Words that have no sound in its language are left out, if there are others.
        """
        return self._said(piece)[0]

    def unsaid(self) -> str:
        """What is left out of the whole text: signs, and words that have no sound."""
        words = dict.fromkeys(one for piece in self.pieces() for one in self._unsaid(piece.text))
        return " ".join(filter(None, (self.signs, *words)))

    async def said(self, pieces: Iterator[Said]) -> AsyncGenerator[Said, None]:
        """The pieces with what is spoken of them, each when it is wanted."""
        for piece in pieces:
            spoken, unsaid = await asyncio.to_thread(self._said, piece.text)
            yield replace(piece, spoken=spoken, unsaid=" ".join(unsaid))

    def _said(self, piece: str) -> tuple[str, list[str]]:
        """What is said of a piece, and its words that have no sound."""
        language, scripts = self._read_in(piece)
        words = spoken_form(piece, language, self.tags)
        if scripts is None:
            return words, []
        return without_foreign(words, scripts), foreign(words, scripts)

    def _unsaid(self, piece: str) -> list[str]:
        _, scripts = self._read_in(piece)
        # Figures take milliseconds, and few pieces have such words.
        return self._said(piece)[1] if scripts is not None and foreign(piece, scripts) else []

    def _read_in(self, piece: str) -> tuple[str, tuple[str, ...] | None]:
        """The language of a piece, and the scripts that have a sound in it; None: all.

        A voice that cannot say the language that is guessed says what it can of the piece.
        """
        language = self.language or guess(piece)
        if not self.language and self.languages and language not in self.languages:
            language = min(self.languages, key=partial(self._foreign_signs, piece))
        return language, self.scripts.get(language)

    def _foreign_signs(self, piece: str, language: str) -> int:
        scripts = self.scripts.get(language)
        return 0 if scripts is None else sum(map(len, foreign(piece, scripts)))


def reading_of(
    text: str,
    language: str | None,
    known: EngineTags = _NOTHING,
    voice: str | None = None,
    *,
    read_code: bool = False,
) -> Reading:
    """Takes up to seconds for a long text: call it in a thread.

    ``language`` is a code or name, ``voice`` one of the engine's own, and fenced code is left
    out unless ``read_code``.
    """
    words = plain(text, known.kept, read_code=read_code)
    languages = known.spoken_by(voice) if voice else ()
    return Reading(
        words.parts, code_of(language), known.kept, known.scripts, languages, words.signs
    )


class ReadAloud:
    """Reads texts for one engine of tts."""

    def __init__(self, known: Callable[[], EngineTags], read_code: bool) -> None:
        """`known` tells what the engine can be asked for."""
        self.known = known
        self._read_code = read_code
        self._reading = asyncio.Semaphore(_LONG_AT_ONCE)

    async def of(self, text: str, language: str | None, voice: str | None = None) -> Reading:
        """The reading of a whole text; others get their turns meanwhile."""
        async with self._reading if len(text) > _LONG else nullcontext():
            known, read_code = self.known(), self._read_code
            read = partial(reading_of, text, language, known, voice, read_code=read_code)
            return await asyncio.to_thread(read)

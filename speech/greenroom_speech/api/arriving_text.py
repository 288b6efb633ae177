"""A text that is still being written, as sentences that can be said already."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from greenroom_speech.reading.pieces import SENTENCE_PAUSE, Said
from greenroom_speech.sentences import LONGEST_SECONDS, pieces, sentences, spoken_seconds


class ArrivingText:
    """Takes text in parts of any size, gives it away sentence by sentence.

    A sentence is known to have ended when the next one begins, or when `flush` says so.
    """

    def __init__(self) -> None:
        self._open = ""
        self._ready: deque[str] = deque()
        self._ended = False
        self._more = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Characters that nobody has taken yet."""
        return len(self._open) + sum(map(len, self._ready))

    @property
    def has_sentence(self) -> bool:
        """A sentence can be taken."""
        return bool(self._ready)

    @property
    def ended(self) -> bool:
        """No more text comes."""
        return self._ended

    def add(self, text: str) -> None:
        """Append what has been written."""
        *whole, self._open = sentences(self._open + text)
        for sentence in whole:
            self._finish(sentence)
        if spoken_seconds(self._open) > LONGEST_SECONDS:
            *parts, self._open = pieces(self._open, LONGEST_SECONDS) or [""]
            for part in parts:
                self._finish(part)

    def flush(self) -> None:
        """What has been written so far can be said, even if it ends in mid-sentence."""
        self._finish(self._open)
        self._open = ""

    def end(self) -> None:
        """No more text comes."""
        self.flush()
        self._ended = True
        self._more.set()

    async def taken(self) -> AsyncGenerator[Said, None]:
        """The sentences as they come; ends with the text."""
        while True:
            while self._ready:
                yield Said(self._ready.popleft(), SENTENCE_PAUSE)
            if self._ended:
                return
            self._more.clear()
            await self._more.wait()

    def _finish(self, sentence: str) -> None:
        for piece in pieces(sentence, LONGEST_SECONDS):
            if any(sign.isalnum() for sign in piece):
                self._ready.append(piece)
        self._more.set()

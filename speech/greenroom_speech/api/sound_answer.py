"""The answer that is a sound: sent as it is made.

What goes wrong before the first byte is an answer of its own. After that the body ends so that it
can be seen: without its last chunk, or with an event that tells the error.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import numpy as np
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from greenroom.plugin import GreenroomError, InvalidInput
from greenroom_speech.api.events import MEDIA_TYPE, event
from greenroom_speech.api.formats import MEDIA_TYPE_OF, Format, Formats
from greenroom_speech.api.openai_errors import error_object, told
from greenroom_speech.api.pipeline import GrowingSpeech
from greenroom_speech.api.request_fields import StreamFormat
from greenroom_speech.api.tempo import Tempo
from greenroom_speech.codec.recording import Recording, Samples
from greenroom_speech.engines.embedded.languages import language_of
from greenroom_speech.engines.engine_tags import EngineTags

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SoundOptions:
    """How the sound is to come."""

    kind: Format
    speed: float = 1.0
    stream_format: StreamFormat = "audio"
    characters: int = 0
    """Of the text that is said, for the usage."""
    volume: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further ones of the answer."""


class SoundAnswer(Response):
    """Sends speech in the wanted form; `opened` is entered when it is sent."""

    def __init__(
        self,
        opened: AbstractAsyncContextManager[GrowingSpeech],
        formats: Formats,
        wanted: SoundOptions,
    ) -> None:
        self.background = None
        self._opened = opened
        self._formats = formats
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises only what went wrong before the first byte."""
        body = (_Events if self._wanted.stream_format == "sse" else _Body)(send, self._wanted)
        try:
            async with self._opened as speech:
                await self._send(speech, body)
        except ClientDisconnect:
            return
        except Exception as error:
            if not body.begun:
                raise
            await body.break_off(error, scope["path"])

    async def _send(self, speech: GrowingSpeech, body: "_Body") -> None:
        first = await anext(speech.pieces)
        async with self._formats.opened(self._wanted.kind, first.rate) as file:
            await body.begin(speech)
            async for samples in _at_speed(speech, first, self._wanted.speed):
                await body.send(await file.written(louder(samples, self._wanted.volume)))
            await body.end(await file.end())


async def encoded(sound: Recording, formats: Formats, wanted: SoundOptions) -> bytes:
    """The whole file of a sound that is there."""
    tempo = Tempo(wanted.speed, sound.rate)
    content = bytearray()
    async with formats.opened(wanted.kind, sound.rate) as file:
        for part in seconds_of(sound):
            moved = await asyncio.to_thread(tempo.moved, part)
            content += await file.written(louder(moved, wanted.volume))
        content += await file.written(louder(tempo.end(), wanted.volume))
        content += await file.end()
    return bytes(content)


async def _at_speed(
    speech: GrowingSpeech, first: Recording, speed: float
) -> AsyncIterator[Samples]:
    """The samples of all pieces, at most a second of them at a time."""
    tempo, sound = Tempo(speed, first.rate), first
    while True:
        for part in seconds_of(sound):
            moved = await asyncio.to_thread(tempo.moved, part)
            speech.added((len(moved) - len(part)) / first.rate)
            yield moved
        following = await anext(speech.pieces, None)
        if following is None:
            break
        sound = following
    yield tempo.end()


def louder(samples: Samples, volume: float) -> Samples:
    return samples if volume == 1.0 else np.clip(samples * np.float32(volume), -1.0, 1.0)


def seconds_of(sound: Recording) -> Iterator[Samples]:
    """Parts that hold up nobody else while they are written."""
    for begin in range(0, len(sound.samples), sound.rate):
        yield sound.samples[begin : begin + sound.rate]


class _Body:
    """The sound itself."""

    def __init__(self, send: Send, wanted: SoundOptions) -> None:
        self._to_client = send
        self._wanted = wanted
        self.begun = False
        self._speech: GrowingSpeech | None = None

    async def begin(self, speech: GrowingSpeech) -> None:
        headers = {
            **speech.timing.headers(),
            **self._wanted.headers,
            "X-Greenroom-Transcript": ascii_only(speech.transcript),
            **({} if speech.seed is None else {"X-Greenroom-Seed": str(speech.seed)}),
            **_warned(speech),
            "Content-Type": self._media_type(),
            "Cache-Control": "no-store",
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.begun, self._speech = True, speech
        await self._to_client({"type": "http.response.start", "status": 200, "headers": raw})

    async def send(self, content: bytes) -> None:
        if content:
            await self._chunk(content)

    async def end(self, content: bytes) -> None:
        """Send the last bytes and say that they are."""
        await self.send(content)
        await self._to_client({"type": "http.response.body", "body": b""})

    async def break_off(self, error: Exception, path: str) -> None:
        """End visibly: uvicorn closes a connection whose answer is incomplete."""
        _log(error)

    def _media_type(self) -> str:
        return MEDIA_TYPE_OF[self._wanted.kind]

    async def _chunk(self, content: bytes) -> None:
        await self._to_client({"type": "http.response.body", "body": content, "more_body": True})


class _Events(_Body):
    """The sound in OpenAI's events."""

    async def send(self, content: bytes) -> None:
        if content:
            audio = base64.b64encode(content).decode()
            await self._event("speech.audio.delta", audio=audio)

    async def end(self, content: bytes) -> None:
        await self.send(content)
        said = self._wanted.characters
        usage = {"input_tokens": said, "output_tokens": 0, "total_tokens": said}
        warnings = self._speech.warnings if self._speech else []
        told: dict[str, Any] = {"warnings": warnings} if warnings else {}
        rate = self._speech.word_error_rate if self._speech else None
        if rate is not None:
            told["word_error_rate"] = rate
        await self._event("speech.audio.done", usage=usage, **told)
        await super().end(b"")

    async def break_off(self, error: Exception, path: str) -> None:
        _log(error)
        await self._event("error", error=error_object(*told(error, path)))
        await super().end(b"")

    def _media_type(self) -> str:
        return MEDIA_TYPE

    async def _event(self, kind: str, **fields: Any) -> None:
        await self._chunk(event(kind, **fields))


def _log(error: Exception) -> None:
    if isinstance(error, GreenroomError):
        logger.warning("Speech broke off: %s", error)
    else:
        logger.error("Speech broke off", exc_info=error)


def _warned(speech: GrowingSpeech) -> dict[str, str]:
    """The headers of what is known when the sound begins."""
    headers = {}
    if speech.warnings:
        headers["X-Greenroom-Warning"] = ascii_only(" ".join(speech.warnings)[:1000])
    if speech.word_error_rate is not None:
        headers["X-Greenroom-Word-Error-Rate"] = str(speech.word_error_rate)
    return headers


def left_out(fields: Sequence[str], signs: str) -> dict[str, str]:
    """The headers that name what had no effect: fields of the request, signs of its text."""
    headers = {}
    if fields:
        named = ", ".join(ascii_only(name[:60]) for name in fields[:20])
        headers["X-Greenroom-Ignored"] = named
    if signs:
        headers["X-Greenroom-Unsaid"] = ascii_only(signs[:100])
    return headers


def said_elsewhere(known: EngineTags, words: str, language: str | None) -> dict[str, str]:
    """The header that names another engine, where that says the language of a text."""
    try:
        code = language_of(words, language).code
    except InvalidInput:
        return {}
    return {"X-Greenroom-Engine": known.elsewhere[code]} if code in known.elsewhere else {}


def ascii_only(words: str) -> str:
    """As a header may carry it: percent-encoded UTF-8."""
    return quote(words, safe=" ,.!?'()")

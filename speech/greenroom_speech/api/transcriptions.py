"""POST /v1/audio/transcriptions and translations: the words of a recording of any length."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from greenroom.plugin import GreenroomError
from greenroom_speech.api.answers import (
    ERRORS,
    RUN_HEADERS,
    TimedSegment,
    TimedWord,
    Transcription,
    Usage,
    VerboseTranscription,
    headers_of,
)
from greenroom_speech.api.events import MEDIA_TYPE, event
from greenroom_speech.api.heard import HeardPassage
from greenroom_speech.api.listening import Hearing, RecordingListener
from greenroom_speech.api.openai_errors import InvalidField, error_object, told
from greenroom_speech.api.openapi import body_of, checked
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.sound_answer import left_out
from greenroom_speech.api.subtitles import srt, vtt
from greenroom_speech.api.transcription_request import TranscriptionRequest, TranslationRequest
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.times import Timed
from greenroom_speech.sentences import sentences

logger = logging.getLogger(__name__)

_TEXT = {"schema": {"type": "string"}}
_TEXTS = {
    "content": {"text/plain": _TEXT, "text/vtt": _TEXT, MEDIA_TYPE: _TEXT},
    "headers": headers_of(
        **RUN_HEADERS,
        X_Greenroom_Audio_Seconds="With stream: the length of the recording, if its file tells it.",
    ),
}
SUBTITLES = {"srt": (srt, "text/plain"), "vtt": (vtt, "text/vtt")}
"""How each is written, and its media type."""


def transcriptions_routes(
    listener: RecordingListener, known: Callable[[], EngineTags]
) -> APIRouter:
    """`known` tells what the engine of asr can be asked for."""
    router = APIRouter(tags=["transcription"])

    def answering(
        path: str, kind: type[TranscriptionRequest]
    ) -> Callable[[Callable[[Request], Awaitable[Response]]], object]:
        return router.post(
            path,
            response_model=VerboseTranscription | Transcription,
            responses={200: _TEXTS, **ERRORS},
            openapi_extra=body_of(kind, "multipart/form-data", "application/json"),
        )

    @answering("/v1/audio/transcriptions", TranscriptionRequest)
    async def transcriptions(request: Request) -> Response:
        """Recognise what is said."""
        return await answer(checked(TranscriptionRequest, await fields_of(request)))

    @answering("/v1/audio/translations", TranslationRequest)
    async def translations(request: Request) -> Response:
        """Recognise what is said, and write it in English."""
        return await answer(checked(TranslationRequest, await fields_of(request)))

    async def answer(asked: TranscriptionRequest) -> Response:
        opened = listener.opened(asked.file, asked.wanted)
        if asked.stream:
            return _Events(asked, opened, left_out(asked.left_out(known()), ""))
        async with opened as hearing:
            heard = [passage async for passage in hearing.passages()]
        ignored = left_out(asked.left_out(known()), "")
        return _written(asked, heard, hearing, {**hearing.timing.headers(), **ignored})

    return router


def _written(
    asked: TranscriptionRequest,
    heard: Sequence[HeardPassage],
    hearing: Hearing,
    headers: Mapping[str, str],
) -> Response:
    """In the format that is asked for. Raises InvalidField for subtitles without times."""
    transcript = "".join(passage.text for passage in heard)
    words = [word for passage in heard for word in passage.words]
    form = asked.response_format
    if form == "text":
        return PlainTextResponse(transcript + "\n", headers=headers)
    if form in SUBTITLES:
        if transcript and not words:
            raise InvalidField(
                f"response_format is {form!r}; the engine of asr gives no times.", "response_format"
            )
        write, media_type = SUBTITLES[form]
        return Response(write(words), headers=headers, media_type=media_type)
    times = _times(asked, heard)
    if form == "json":
        transcription = Transcription(text=transcript, usage=_usage(hearing), **times)
    else:
        seconds = round(hearing.seconds, 3)
        transcription = VerboseTranscription(
            text=transcript, task=asked.task, language=hearing.language, duration=seconds, **times
        )
    return JSONResponse(transcription.model_dump(exclude_none=True), headers=dict(headers))


def _times(asked: TranscriptionRequest, heard: Sequence[HeardPassage]) -> dict[str, Any]:
    """The segments and words of all passages, of each what was asked for; none without times."""
    times: dict[str, Any] = {}
    if any(passage.text and not passage.words for passage in heard):
        return times
    if "segment" in asked.times:
        segments = [segment for passage in heard for segment in passage.segments]
        times["segments"] = [
            TimedSegment(id=number, start=one.start, end=one.end, text=one.text.strip())
            for number, one in enumerate(segments)
        ]
    if "word" in asked.times:
        times["words"] = _words(word for passage in heard for word in passage.words)
    return times


def _words(words: Iterable[Timed]) -> list[TimedWord]:
    return [TimedWord(word=one.text.strip(), start=one.start, end=one.end) for one in words]


class _Events(Response):
    """The words in OpenAI's events, as they are heard; `opened` is entered when it is sent."""

    def __init__(
        self,
        asked: TranscriptionRequest,
        opened: AbstractAsyncContextManager[Hearing],
        headers: dict[str, str],
    ) -> None:
        self.background = None
        self._asked = asked
        self._opened = opened
        self._more = headers
        self._segments = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises only what went wrong before the first byte."""
        begun = False
        try:
            async with self._opened as hearing:
                heard = []
                async for passage in hearing.passages():
                    if not begun:
                        begun = True
                        await send(self._head(hearing))
                    heard.append(passage)
                    for delta in _deltas(passage.text):
                        await send(_chunk(delta))
                    for segment in self._timed_segments(passage):
                        await send(_chunk(segment))
                done = Transcription(
                    text="".join(passage.text for passage in heard),
                    usage=_usage(hearing),
                    **_times(self._asked, heard),
                )
                fields = done.model_dump(exclude_none=True)
                await send(_chunk(event("transcript.text.done", **fields)))
        except ClientDisconnect:
            return
        except Exception as error:
            if not begun:
                raise
            _log(error)
            await send(_chunk(event("error", error=error_object(*told(error, scope["path"])))))
        await send({"type": "http.response.body", "body": b""})

    def _timed_segments(self, passage: HeardPassage) -> Iterator[bytes]:
        """As OpenAI tells of segments, and the words of each; what was asked for."""
        words = list(passage.words)
        for segment in passage.segments if "segment" in self._asked.times else ():
            own = [word for word in words if word.end <= segment.end]
            words = words[len(own) :]
            fields: dict[str, Any] = {
                "id": next(self._segments),
                "start": segment.start,
                "end": segment.end,
                "text": segment.text.strip(),
            }
            if "word" in self._asked.times:
                fields["words"] = [word.model_dump() for word in _words(own)]
            yield event("transcript.text.segment", **fields)

    def _head(self, hearing: Hearing) -> dict[str, object]:
        told = hearing.told_seconds
        headers = {
            **hearing.timing.headers(),
            **({} if told is None else {"X-Greenroom-Audio-Seconds": f"{told:.3f}"}),
            **self._more,
            "Content-Type": MEDIA_TYPE,
            "Cache-Control": "no-store",
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": raw}


def _log(error: Exception) -> None:
    if isinstance(error, GreenroomError):
        logger.warning("A transcription broke off: %s", error)
    else:
        logger.error("A transcription broke off", exc_info=error)


def _deltas(words: str) -> Iterator[bytes]:
    """The sentences of a piece."""
    for segment in filter(None, sentences(words)):
        yield event("transcript.text.delta", delta=segment)


def _chunk(content: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": content, "more_body": True}


def _usage(hearing: Hearing) -> Usage:
    return Usage(seconds=round(hearing.seconds, 3))

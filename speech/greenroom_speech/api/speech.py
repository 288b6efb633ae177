"""POST /v1/audio/speech and /v1/audio/edits: words or a recording in, a sound out."""

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from greenroom_speech.api.formats import Format, encoded
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.openapi import AUDIO_ANSWER, body_of, checked
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.schemas import ERRORS, EditRequest, SpeechRequest
from greenroom_speech.api.tempo import at_speed
from greenroom_speech.api.tensor_fields import tensors_of
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.decoder.client import Reader
from greenroom_speech.decoder.recording import Recording


def speech_routes(pipeline: Pipeline, store: VoicesStore, read: Reader) -> APIRouter:
    router = APIRouter(tags=["speech"])

    @router.post(
        "/v1/audio/speech",
        response_class=Response,
        responses={200: AUDIO_ANSWER, **ERRORS},
        openapi_extra=body_of(SpeechRequest, "application/json", "multipart/form-data"),
    )
    async def speech(request: Request) -> Response:
        """Say a text in a saved voice, or in that of a recording."""
        asked = checked(SpeechRequest, await fields_of(request))
        reference, transcript = await _reference(asked, store, read)
        script = Script(reference, transcript, tensors_of(asked) | asked.tasks())
        return await _spoken(script, asked.response_format, asked.speed)

    @router.post(
        "/v1/audio/edits",
        response_class=Response,
        responses={200: AUDIO_ANSWER, **ERRORS},
        openapi_extra=body_of(EditRequest, "multipart/form-data", "application/json"),
    )
    async def edits(request: Request) -> Response:
        """Change how a recording sounds, or what it says."""
        asked = checked(EditRequest, await fields_of(request))
        reference = await read(asked.file, "file")
        script = Script(reference, asked.transcript, tensors_of(asked) | asked.tasks())
        return await _spoken(script, asked.response_format, 1.0)

    async def _spoken(script: Script, kind: Format, speed: float) -> Response:
        spoken, timing = await pipeline.speak(script)
        content, media_type = await asyncio.to_thread(_file, spoken.recording, kind, speed)
        headers = {**timing.headers(), "X-Greenroom-Transcript": ascii_only(spoken.transcript)}
        return Response(content, media_type=media_type, headers=headers)

    return router


async def _reference(
    asked: SpeechRequest, store: VoicesStore, read: Reader
) -> tuple[Recording, str | None]:
    if (asked.voice is None) == (asked.reference_audio is None):
        raise InvalidField("voice or reference_audio must be given, and not both.", "voice")
    if asked.reference_audio is not None:
        return await read(asked.reference_audio, "reference_audio"), asked.transcript
    if asked.transcript is not None:
        raise InvalidField("transcript is given, but a voice has its own.", "transcript")
    voice, content = await asyncio.to_thread(store.recording, asked.voice or "")
    return await read(content, f"voice {voice.name}"), voice.transcript


def _file(recording: Recording, kind: Format, speed: float) -> tuple[bytes, str]:
    return encoded(at_speed(recording, speed), kind)


def ascii_only(words: str) -> str:
    """As a header may carry it: percent-encoded UTF-8."""
    return quote(words, safe=" ,.!?'()")

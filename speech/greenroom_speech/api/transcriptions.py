"""POST /v1/audio/transcriptions: the words of a recording."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from greenroom_speech.api.openapi import body_of, checked
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.schemas import (
    ERRORS,
    Transcription,
    TranscriptionRequest,
    Usage,
    VerboseTranscription,
)
from greenroom_speech.decoder.client import Reader


def transcriptions_routes(pipeline: Pipeline, read: Reader) -> APIRouter:
    router = APIRouter(tags=["transcription"])

    @router.post(
        "/v1/audio/transcriptions",
        response_model=VerboseTranscription | Transcription,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **ERRORS},
        openapi_extra=body_of(TranscriptionRequest, "multipart/form-data", "application/json"),
    )
    async def transcriptions(request: Request) -> Response:
        """Recognise what is said."""
        asked = checked(TranscriptionRequest, await fields_of(request))
        recording = await read(asked.file, "file")
        heard, timing = await pipeline.hear(recording, asked.language)
        headers = timing.headers()
        if asked.response_format == "text":
            return PlainTextResponse(heard.transcript + "\n", headers=headers)
        answer: BaseModel
        if asked.response_format == "json":
            usage = Usage(seconds=round(recording.seconds, 3))
            answer = Transcription(text=heard.transcript, usage=usage)
        else:
            answer = VerboseTranscription(
                text=heard.transcript,
                language=heard.language,
                duration=round(recording.seconds, 3),
            )
        return JSONResponse(answer.model_dump(exclude_none=True), headers=headers)

    return router

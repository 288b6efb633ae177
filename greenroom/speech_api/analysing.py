"""POST /v1/audio/analyses: a recording is analysed before the request that uses it."""

import asyncio

from fastapi import APIRouter, Request, Response

from greenroom.gateway.http_forward import unless_left
from greenroom.speech_api.bodies import fields_of
from greenroom.speech_api.documented import body_of, checked
from greenroom.speech_api.formats import decoded
from greenroom.speech_api.pipeline import Pipeline
from greenroom.speech_api.schemas import ERRORS, AnalysisRequest


def analysing(pipeline: Pipeline, longest: float) -> APIRouter:
    """Return the endpoint; a recording may last `longest` seconds."""
    router = APIRouter(tags=["speech"])

    @router.post(
        "/v1/audio/analyses",
        status_code=204,
        response_class=Response,
        responses=ERRORS,
        openapi_extra=body_of(AnalysisRequest, "multipart/form-data", "application/json"),
    )
    async def analyses(request: Request) -> Response:
        """Analyse a recording ahead, so that speech in its voice begins sooner."""
        asked = checked(AnalysisRequest, await fields_of(request))
        recording = await asyncio.to_thread(decoded, asked.file, "file", longest)
        timing = await pipeline.analyse(recording, lambda granted: unless_left(request, granted))
        return Response(status_code=204, headers=timing.headers())

    return router

"""POST /v1/audio/analyses: a recording is analysed before the request that uses it."""

from fastapi import APIRouter, Request, Response

from greenroom_speech.api.answers import ERRORS
from greenroom_speech.api.openapi import body_of, checked
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.api.recording_requests import AnalysisRequest
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.codec.decoder import Reader


def analyses_routes(pipeline: Pipeline, read: Reader) -> APIRouter:
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
        recording = await read(asked.file, "file")
        timing = await pipeline.analyse(recording)
        return Response(status_code=204, headers=timing.headers())

    return router

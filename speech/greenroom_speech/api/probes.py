"""GET /v1/readyz, which clients of other servers look for below the URL that they are given."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from greenroom.plugin import Gateway, Unavailable
from greenroom_speech.api.openai_errors import refusal

READY = "/v1/readyz"


def probes_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(READY)
    async def readyz() -> Response:
        if (reason := gateway.why_not_serving()) is None:
            return JSONResponse({"status": "ready"})
        return refusal(Unavailable(reason))

    return router

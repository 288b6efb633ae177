"""The HTTP application: all routes, and every error as one sentence of JSON."""

import logging
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from greenroom.errors import BROKEN, GreenroomError

logger = logging.getLogger(__name__)

_CLIENT_LEFT = 499


def app(
    routes: list[BaseRoute],
    plugins: Callable[[ASGIApp], ASGIApp],
    broke: Callable[[str], None],
) -> Starlette:
    """What no route fits goes to `plugins`, made of what answers 404; `broke` hears of faults."""

    async def broken(request: Request, error: Exception) -> Response:
        broke(f"{request.method} {request.url.path}")
        return JSONResponse({"error": BROKEN}, 500)

    application = Starlette(routes=routes, exception_handlers={**ERROR_HANDLERS, Exception: broken})
    application.router.default = plugins(application.router.default)
    return application


def refusal(error: GreenroomError) -> Response:
    return JSONResponse({"error": str(error)}, error.http_status, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GreenroomError)
    return refusal(error)


async def _no_such_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = f"{request.method} {request.url.path}: {error.detail}."
    return JSONResponse({"error": sentence}, error.status_code, error.headers)


async def _client_left(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_LEFT)


async def _broken(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": BROKEN}, 500)


ERROR_HANDLERS: dict[Any, Any] = {
    GreenroomError: _refused,
    HTTPException: _no_such_path,
    ClientDisconnect: _client_left,
    Exception: _broken,
}
"""Starlette's `exception_handlers`: every error as its status and one sentence of JSON."""

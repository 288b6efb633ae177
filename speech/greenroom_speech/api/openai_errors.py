"""Errors of /v1 as OpenAI's error object."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from greenroom.plugin import BROKEN, GreenroomError, InvalidInput

logger = logging.getLogger(__name__)

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
_CLIENT_LEFT = 499
_SHOWN = 60


class InvalidField(InvalidInput):
    """A field of the request is wrong."""

    def __init__(self, message: str, param: str | None) -> None:
        super().__init__(message)
        self.param = param


def problem(
    status: int, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    body = {"message": message, "type": kind, "param": param, "code": None}
    return JSONResponse({"error": body}, status, headers)


def refusal(error: GreenroomError) -> Response:
    param = getattr(error, "param", None)
    return problem(error.http_status, str(error), param, error.headers)


def invalid(errors: Sequence[Any]) -> InvalidField:
    """The first of pydantic's errors as a sentence: field, value and rule."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = ".".join(place) or None
    rule = first["msg"][0].lower() + first["msg"][1:]
    if first["type"] == "missing":
        return InvalidField(f"{param} is missing; it is required.", param)
    if first["type"] == "extra_forbidden":
        return InvalidField(f"{param} is not a field of this request.", param)
    value = repr(first.get("input"))
    shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "..."
    return InvalidField(f"{param or 'the body'} is {shown}: {rule}.", param)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GreenroomError)
    return refusal(error)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError | ValidationError)
    return refusal(invalid(error.errors()))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = f"{request.method} {request.url.path}: {error.detail}."
    if not request.url.path.startswith("/v1/"):
        return JSONResponse({"error": sentence}, error.status_code, error.headers)
    return problem(error.status_code, sentence, headers=error.headers)


async def _left(request: Request, error: Exception) -> Response:
    return Response(status_code=_CLIENT_LEFT)


async def _broken(request: Request, error: Exception) -> Response:
    logger.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(500, BROKEN)


HANDLERS: dict[Any, Any] = {
    GreenroomError: _refused,
    RequestValidationError: _invalid,
    ValidationError: _invalid,
    HTTPException: _http,
    ClientDisconnect: _left,
    Exception: _broken,
}

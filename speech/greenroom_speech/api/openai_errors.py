"""Errors of /v1 as OpenAI's error object."""

import json
import logging
import re
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
_FIELDS = {
    "ASR_TASK": "the task",
    "AUDIO": "the recording",
    "AUDIO_LANGUAGE": "language",
    "LANGUAGE": "language",
    "SAMPLE_RATE": "the recording's sample rate",
    "SEED": "seed",
    "TASK": "task",
    "TASK_INFO": "task_info",
    "TEXT": "input",
    "TRANSCRIPT": "transcript",
    "VOICE": "voice",
}
"""What callers know each input of the models as."""
_OF_RECORDING = ("AUDIO ", "SAMPLE_RATE ")
_FILE_PATHS = frozenset(
    (
        "/v1/audio/analyses",
        "/v1/audio/edits",
        "/v1/audio/transcriptions",
        "/v1/audio/translations",
        "/v1/voices",
    )
)
"""Where the recording is the field `file`."""
_PARAMS = frozenset(("file", "reference_audio", "text", *_FIELDS.values()))
_QUOTED = r"""(?<!\w)(["'])(?:\\.|(?!\1)[^\\])*(?:\1|$)"""
_TENSOR = re.compile(rf"{_QUOTED}|\b(?:{'|'.join(_FIELDS)})\b", re.DOTALL)
"""A tensor's name, or what the caller wrote, which is told as it is."""
_PLAIN = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        ("^Value error, ", ""),
        ("^Unable to parse input string .* maximum size$", "it has too many digits"),
        ("(?: after validation, not|, unable to|, got) .*$", ""),
        ("^(?:Input|String|List|Data) should ", "it must "),
        (r"a valid dictionary(?: or instance of \w+)?$", "an object"),
        ("a valid boolean$", "true or false"),
        ("a valid integer$", "a whole number"),
        ("a valid bytes$", "base64"),
        ("a valid ", "a "),
    )
)
"""Pydantic's words, which speak of itself and of Python, and plain ones."""


class InvalidField(InvalidInput):
    """A field of the request is wrong."""

    def __init__(self, message: str, param: str | None) -> None:
        super().__init__(message)
        self.param = param


def problem(
    status: int, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    return JSONResponse({"error": error_object(status, message, param)}, status, headers)


def error_object(status: int, message: str, param: str | None = None) -> dict[str, str | None]:
    """OpenAI's, with the type that belongs to an HTTP status."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"message": message, "type": kind, "param": param, "code": None}


def told(error: Exception, path: str = "") -> tuple[int, str, str | None]:
    """What a client of a path may know of an error: its status, sentence and field."""
    if path in _FILE_PATHS and isinstance(error, GreenroomError):
        error = of_recording(error, "file")
    if isinstance(error, InvalidField):
        return error.http_status, str(error), error.param
    if isinstance(error, GreenroomError):
        sentence = _in_fields(str(error), path)
        return error.http_status, sentence, _param(sentence, path)
    return 500, BROKEN, None


def of_recording(error: GreenroomError, param: str) -> GreenroomError:
    """What an engine says of the recording that a field brings, as said of the field."""
    sentence = str(error)
    if error.http_status != 400 or not sentence.startswith(_OF_RECORDING):
        return error
    return InvalidField(_in_fields(sentence, ""), param)


def refusal(error: GreenroomError, path: str = "") -> Response:
    return problem(*told(error, path), error.headers)


def invalid(errors: Sequence[Any]) -> InvalidField:
    """The first of pydantic's errors as a sentence: field, value and rule."""
    first = errors[0]
    place = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    param = ".".join(place) or None
    rule = first["msg"]
    for words, plain in _PLAIN:
        rule = words.sub(plain, rule)
    if first["type"] == "missing":
        return InvalidField(f"{param} is missing; it is required.", param)
    if first["type"] == "extra_forbidden":
        return InvalidField(f"{param} is not a field of this request.", param)
    if param is None and first["type"] == "value_error":
        return InvalidField(f"{rule}.", None)
    return InvalidField(f"{param or 'the body'} is {shown(first.get('input'))}: {rule}.", param)


def shown(value: Any) -> str:
    """A value as it stands in JSON, where clients write it."""
    if isinstance(value, bytes):
        return f"a file of {len(value)} bytes"
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."


def _in_fields(sentence: str, path: str) -> str:
    """A sentence of an engine with the request's fields for the tensors behind them."""
    fields = {**_FIELDS, "TEXT": "text" if path.endswith("/edits") else "input"}
    said = _TENSOR.sub(lambda found: fields.get(found[0], found[0]), sentence)
    return "T" + said[1:] if said.startswith("the ") else said


def _param(sentence: str, path: str) -> str | None:
    """The field that a sentence begins with."""
    first = sentence.partition(" ")[0]
    return first if first in _PARAMS and path.startswith("/v1/audio/") else None


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, GreenroomError)
    return refusal(error, request.url.path)


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

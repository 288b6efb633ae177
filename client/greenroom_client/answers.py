"""Answers that are no success, as errors of this package."""

import json
from http import HTTPStatus
from typing import Any

import httpx

from greenroom_client.errors import (
    GreenroomClientError,
    InvalidInput,
    NotFound,
    Refused,
    ServerError,
    Timeout,
    Unavailable,
)

_BY_STATUS: dict[int, type[GreenroomClientError]] = {
    401: Refused,
    403: Refused,
    404: NotFound,
    408: Timeout,
    504: Timeout,
}
_UNAVAILABLE = (429, 502, 503)


def raise_if_bad(response: httpx.Response) -> None:
    """Raise the error that belongs to the status of an answer whose body has been read."""
    status = response.status_code
    if 200 <= status < 300:
        return
    sentence = _sentence(response)
    if status in _UNAVAILABLE:
        raise Unavailable(sentence, _retry_after(response))
    otherwise = InvalidInput if 400 <= status < 500 else ServerError
    raise _BY_STATUS.get(status, otherwise)(sentence)


def json_object(text: str | bytes) -> dict[str, Any]:
    """Raises ServerError if it is something else."""
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ServerError("the server's answer is not a JSON object; is this a Greenroom server?")
    return content


def _sentence(response: httpx.Response) -> str:
    """The server's own sentence, of /v2 or of /v1, else one about the status."""
    try:
        error = json_object(response.content).get("error")
    except ServerError:
        error = None
    if isinstance(error, dict):
        error = error.get("message")
    if isinstance(error, str) and error:
        return error
    status = response.status_code
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else "an unknown status"
    return (
        f"the server answered {status} ({phrase}) to {response.request.url} without a reason; "
        "is it a Greenroom server?"
    )


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None

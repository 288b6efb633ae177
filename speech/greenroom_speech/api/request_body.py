"""Request bodies: read whole and within bounds before anything looks at them."""

import json
from typing import Any

from greenroom_speech.api.openai_errors import InvalidField, refusal
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import GreenroomError
from greenroom.triton.http_client import HttpForward

MULTIPART = "multipart/form-data"


class WholeBody:
    """Hands an application bodies that have arrived and are not too large."""

    def __init__(self, app: ASGIApp, forward: HttpForward) -> None:
        self._app = app
        self._forward = forward

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then run the application; an error is answered here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._forward.body(Request(scope, receive))
        except GreenroomError as error:
            await refusal(error)(scope, receive, send)
            return
        told = False

        async def replay() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def fields_of(request: Request) -> dict[str, Any]:
    """Return the fields of a JSON or multipart body; a file's value is its content.

    Raises InvalidField for a body that is neither, or that has a field twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return await _form(request)
    if kind not in ("application/json", ""):
        raise InvalidField(
            f"Content-Type is {kind!r}; it must be application/json or {MULTIPART}.", None
        )
    try:
        text = (await request.body()).decode()
        fields = json.loads(text)
        if "\\u" in text:  # without escapes there is no half of a surrogate pair
            json.dumps(fields, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise InvalidField("The body is not JSON.", None) from None
    if not isinstance(fields, dict):
        raise InvalidField("The body must be a JSON object.", None)
    return fields


async def _form(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async with request.form(max_files=4, max_fields=64) as form:
        for name, value in form.multi_items():
            if name in found:
                raise InvalidField(f"{name} is there twice; give it once.", name)
            found[name] = value if isinstance(value, str) else await value.read()
    return found

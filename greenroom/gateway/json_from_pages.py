"""Browsers must say that JSON is JSON: then they ask first whether their page may send it.

A page may send text/plain and forms anywhere unasked. Programs need not say what they send:
tritonclient says nothing and `curl -d` says it is a form.
"""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from greenroom.errors import GreenroomError, NotJson
from greenroom.triton.http_client import HEADER_LENGTH

_READING = ("GET", "HEAD", "OPTIONS")
_JSON_ALONE = ("/v2/", "/residency/")
"""Where nothing but JSON is taken; elsewhere a route may also take multipart forms."""
_UNASKED = ("text/plain", "application/x-www-form-urlencoded")


class JsonFromPages:
    """An ASGI application that takes no JSON under another name from browsers.

    `refuse` makes the answer to an error, in the form of the path.
    """

    def __init__(self, app: ASGIApp, refuse: Callable[[GreenroomError, str], ASGIApp]) -> None:
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 415."""
        if scope["type"] == "http" and scope["method"] not in _READING:
            try:
                _check(scope["path"], Headers(scope=scope))
            except GreenroomError as error:
                await self._refuse(error, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _check(path: str, headers: Headers) -> None:
    given = headers.get("content-type")
    if not given or not (
        "origin" in headers or any(name.startswith("sec-fetch-") for name in headers)
    ):
        return
    media = given.partition(";")[0].strip().lower()
    if media == "application/json":
        return
    if (path.startswith(_JSON_ALONE) and HEADER_LENGTH not in headers) or media in _UNASKED:
        raise NotJson(
            f"Content-Type is {given[:60]!r}; from a web page it must be application/json."
        )

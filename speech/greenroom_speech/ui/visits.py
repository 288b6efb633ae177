"""What of Gradio's HTTP interface visitors reach, and who they are.

Gradio has some sixty routes: of proxies, of recordings that ffmpeg works on, of an editor of the
page itself. The page needs the few below. A visitor is a browser, known by a cookie; there is no
other sign of who uploads a file.
"""

import asyncio
import json
import re
import secrets
from collections import Counter

from cachetools import TTLCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import GreenroomError, InvalidInput, TooLarge, Unavailable
from greenroom.plugin import Refusal
from greenroom_speech.ui.blocks import VISITOR
from greenroom_speech.ui.event_body import EVENT_LENGTH, memory_of, whole_body
from greenroom_speech.ui.fair_queue import EVENT_BYTES
from greenroom_speech.ui.files import VisitorsFiles
from greenroom_speech.ui.lasting_answers import LastingAnswers

_LANGUAGE = "/[a-z]{2}"
PAGES = re.compile(f"/|{_LANGUAGE}/?")
"""What a link leads to: the way to a language, and the page in it."""
LOGIN = re.compile(f"{_LANGUAGE}/login/?")
_UPLOAD = re.compile(f"{_LANGUAGE}/gradio_api/upload")
_FILE = re.compile(f"{_LANGUAGE}/gradio_api/file=(.*)", re.DOTALL)
_READ = re.compile(
    f"/healthz|/sound/[A-Za-z0-9_-]{{22}}|{_LANGUAGE}/(assets/.+|static/.+|theme\\.css|config)"
)
_HEARTBEAT = re.compile(f"({_LANGUAGE}/gradio_api)/heartbeat/[^/]{{1,64}}")
_STREAM = re.compile(
    f"/live/[A-Za-z0-9_-]{{22}}|{_LANGUAGE}/gradio_api/(queue/data|upload_progress)"
    f"|{_HEARTBEAT.pattern}"
)
"""What is answered for as long as somebody listens."""
_JOIN = re.compile(f"{_LANGUAGE}/gradio_api/queue/join")
_CANCEL = re.compile(f"{_LANGUAGE}/gradio_api/cancel")
_ANSWERS = "/gradio_api/queue/data"
_AFTER_ANSWERS = 0.1
"""Seconds. Gradio ends a browser's stream of answers when the last event is answered. An event that
comes in that moment has to be accepted when the browser knows of the end; else it waits for its
answer at a stream that is over, until there is another event."""
_SMALL_BYTES = 2**13
"""Of a password, or of what is cancelled."""
_HEAD_BYTES = 2**16
"""Of an upload beside its file."""
_TOKEN = re.compile("[A-Za-z0-9_-]{43}")
_YEAR = 365 * 24 * 3600
_Header = tuple[str, str]
_NO_FRAMES: _Header = ("content-security-policy", "frame-ancestors 'self'")
"""Another site must not show the page and have it clicked on."""


class UnknownRoute(GreenroomError):
    """The page has no such path."""

    http_status = 404


class NotLoggedIn(GreenroomError):
    """The page has a password."""

    http_status = 401


class Visits:
    """Gradio's application, for visitors; `port` tells the cookies of two pages apart.

    `streams`: answers that last, at one time.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        files: VisitorsFiles,
        port: int,
        max_upload: int,
        receive_timeout: float,
        streams: int,
        refuse: Refusal,
    ) -> None:
        self._app, self._files, self._refuse = app, files, refuse
        self._receive_timeout = receive_timeout
        self._cookie = f"greenroom-visitor-{port}"
        self._max_upload = max_upload
        self._receiving = 0
        self._lasting = LastingAnswers(streams)
        self._answering: Counter[str | None] = Counter()
        self._answered: TTLCache[str | None, bool] = TTLCache(1000, _AFTER_ANSWERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves what belongs to the page, and refuses all else before its body is read."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        receive = _in_time(receive, self._receive_timeout)
        visitor = self._visitor(scope)
        scope[VISITOR] = visitor
        try:
            if _UPLOAD.fullmatch(scope["path"]) and scope["method"] == "POST":
                await self._upload(scope, receive, send)
                return
            if _JOIN.fullmatch(scope["path"]) and scope["method"] == "POST":
                await self._join(visitor, scope, receive, send)
                return
            if _STREAM.fullmatch(scope["path"]) and scope["method"] == "GET":
                with self._lasting.one(visitor, scope):
                    await self._check_login(scope)
                    await self._answer(visitor, scope, receive, send)
                return
            self._check(scope, visitor)
        except GreenroomError as error:
            await self._refuse(error, scope["path"])(scope, receive, send)
            return
        if PAGES.fullmatch(scope["path"]):
            cookie = None if visitor else self._new_cookie(secrets.token_urlsafe(32), scope)
            send = _adding(send, cookie, _NO_FRAMES)
        await self._app(scope, receive, send)

    async def _check_login(self, scope: Scope) -> None:
        """Gradio lets anybody's heart beat, and has a path that says who has logged in."""
        if not (heartbeat := _HEARTBEAT.fullmatch(scope["path"])):
            return
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        path = f"{heartbeat[1]}/login_check"
        await self._app({**scope, "path": path, "raw_path": path.encode()}, _nothing, note)
        if status != 200:
            raise NotLoggedIn("The page has a password; log in first.")

    async def _answer(
        self, visitor: str | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not scope["path"].endswith(_ANSWERS):
            await self._app(scope, receive, send)
            return
        self._answering[visitor] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._answering -= Counter([visitor])
            self._answered[visitor] = True

    def _when_the_end_is_known(self, visitor: str | None, send: Send) -> Send:
        async def later(message: Message) -> None:
            ends = visitor in self._answering or visitor in self._answered
            if message["type"] == "http.response.start" and ends:
                await asyncio.sleep(_AFTER_ANSWERS)
            await send(message)

        return later

    def _check(self, scope: Scope, visitor: str | None) -> None:
        method, path = scope["method"], scope["path"]
        if method in ("GET", "HEAD"):
            if file := _FILE.fullmatch(path):
                self._files.check_path(visitor, file[1])
                return
            if PAGES.fullmatch(path) or _READ.fullmatch(path):
                return
        elif method == "POST" and (_CANCEL.fullmatch(path) or LOGIN.fullmatch(path)):
            _check_length(scope, _SMALL_BYTES)
            return
        raise UnknownRoute(f"{method} {path[:100]} is not part of the page.")

    async def _join(self, visitor: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        _check_length(scope, EVENT_LENGTH)
        body = await whole_body(receive)
        if body is None:
            return
        scope[EVENT_BYTES] = len(body) + memory_of(body)
        given = False

        async def whole() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body}

        await self._app(scope, whole, self._when_the_end_is_known(visitor, send))

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note what is uploaded as the visitor's before the visitor is told its path."""
        length = _check_length(scope, self._max_upload + _HEAD_BYTES)
        if self._receiving + length > self._files.max_bytes:
            raise Unavailable(
                f"The page is receiving uploads of {self._receiving} bytes already; "
                f"GREENROOM_UI_FILES_BYTES allows {self._files.max_bytes} for all files."
            )
        visitor = scope[VISITOR]
        if visitor is None:
            scope[VISITOR] = visitor = secrets.token_urlsafe(32)
            send = _adding(send, self._new_cookie(visitor, scope))
        # What is uploaded is told in the answer, which has to be read here.
        scope["headers"] = [one for one in scope["headers"] if one[0] != b"accept-encoding"]
        self._receiving += length
        try:
            await self._files.tidy(self._receiving)
            await self._app(scope, receive, _Noting(self._files, visitor, send))
        finally:
            self._receiving -= length

    def _visitor(self, scope: Scope) -> str | None:
        # Not http.cookies, which gives up at another service's odd cookie: ports share them all.
        given = cookie_parser(Headers(scope=scope).get("cookie", "")).get(self._cookie, "")
        return given if _TOKEN.fullmatch(given) else None

    def _new_cookie(self, visitor: str, scope: Scope) -> _Header:
        secure = "; Secure" if scope["scheme"] == "https" else ""
        return (
            "set-cookie",
            f"{self._cookie}={visitor}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax{secure}",
        )


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


def _in_time(receive: Receive, seconds: float) -> Receive:
    """Of a body of which no byte comes for so long, the client has left."""
    complete = False

    async def in_time() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        complete = not message.get("more_body", False)
        return message

    return in_time


def _adding(send: Send, *headers: _Header | None) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            for name, value in filter(None, headers):
                MutableHeaders(scope=message).append(name, value)
        await send(message)

    return add


class _Noting:
    """Sends the answer to an upload on when the paths in it are noted."""

    def __init__(self, files: VisitorsFiles, visitor: str, send: Send) -> None:
        self._files, self._visitor, self._send = files, visitor, send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        if self._start["status"] == 200:
            self._files.give(self._visitor, json.loads(self._body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self._body})


def _check_length(scope: Scope, most: int) -> int:
    """In bytes. Raises InvalidInput where it is not told (browsers do), TooLarge above `most`."""
    given = Headers(scope=scope).get("content-length", "")
    if not given.isascii() or not given.isdigit():
        raise InvalidInput("The request's Content-Length is missing; it is required here.")
    if int(given) > most:
        raise TooLarge(f"The request has {int(given)} bytes; {most} are allowed here.")
    return int(given)

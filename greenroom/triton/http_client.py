"""Passes requests on to Triton's HTTP endpoint, their bodies untouched."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

import aiohttp
import yarl

from greenroom.addresses import connector
from greenroom.errors import InvalidInput, ServerDown, TritonError
from greenroom.settings import Settings
from greenroom.triton.endpoints import endpoints
from greenroom.triton.key import HTTP_HEADER, triton_key
from greenroom.triton.messages import dead_backend, is_unreadable_json

HEADER_LENGTH = "Inference-Header-Content-Length"
"""The header that says how many of a body's first bytes are its JSON."""
_PASSED = frozenset(
    {
        HEADER_LENGTH.lower(),
        "accept-encoding",
        "content-encoding",
        "content-type",
        "traceparent",
        "tracestate",
    }
)
_RETURNED = (HEADER_LENGTH, "content-encoding", "content-type")
_EVENTS = "text/event-stream"
_ERROR_EVENT = b'data: {"error"'
_LONGEST_HEAD = 4096
"""Bytes of path and passed headers; at about 8000 Triton closes the connection or hangs."""
_NOT_ADDED = ("accept-encoding", "content-type", "user-agent")


@dataclass(frozen=True)
class TritonAnswer:
    """What Triton answered; a body that is no error is not looked into."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def good(self) -> bool:
        return self.status < 400

    @cached_property
    def sentence(self) -> str | None:
        """What Triton says of an error; None for what is none, or says nothing."""
        try:
            sentence = None if self.good else json.loads(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return None
        return sentence if isinstance(sentence, str) else None

    @property
    def error(self) -> TritonError:
        """What to raise for an answer that is none."""
        error = TritonError(self.sentence or "Triton refused the request.", "INTERNAL")
        error.http_status = self.told_status
        return error

    @property
    def told_status(self) -> int:
        """The status for the client, whom JSON that Triton cannot read is to be told of."""
        unreadable = self.status == 500 and is_unreadable_json(self.sentence or "")
        return 400 if unreadable else self.status


class TritonHttp:
    """The connections to Triton's HTTP endpoint."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._address = endpoints(settings).http_url

    async def send(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        take: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> TritonAnswer:
        """Send a request and return the answer; of the headers only those that Triton reads.

        `path` is unquoted. `take` gets the parts of an answer that comes in events; its body is
        empty then. Raises InvalidInput, ServerDown, BackendDied.
        """
        path = quote(path)
        passed: dict[str, str] = {}
        for name, value in headers:
            if name.lower() in _PASSED:
                passed.setdefault(name.lower(), value)  # of two, who checked has read the first
        size = len(path) + sum(len(name) + len(value) for name, value in passed.items())
        if size > _LONGEST_HEAD:
            raise InvalidInput(
                f"Path and headers have {size} bytes; at most {_LONGEST_HEAD} are passed on."
            )
        try:
            async with self._session.request(
                "GET" if method == "HEAD" else method,
                yarl.URL(self._address + path, encoded=True),
                data=body,
                headers=passed,
                skip_auto_headers=_NOT_ADDED,
            ) as answer:
                kept = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
                if take and answer.content_type == _EVENTS:
                    async for part in answer.content.iter_any():
                        _raise_if_died(part)
                        await take(part)
                answered = TritonAnswer(answer.status, kept, await answer.read())
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            raise ServerDown("Triton does not answer.") from error
        if died := dead_backend(answered.sentence or ""):
            raise died
        return answered


def _raise_if_died(part: bytes) -> None:
    """Raises BackendDied if the process has died, of which Triton tells in an event."""
    if part.startswith(_ERROR_EVENT):
        try:
            sentence = json.loads(part.removeprefix(b"data: "))["error"]
        except (ValueError, KeyError, TypeError):
            sentence = ""
        if died := dead_backend(str(sentence)):
            raise died


def session(settings: Settings) -> aiohttp.ClientSession:
    """Passes bodies through untouched and never gives up on a model.

    Triton's key goes with every request; a client's own never does.
    """
    return aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        connector=connector(endpoints(settings).http_socket),
        headers={HTTP_HEADER: triton_key(settings)},
        cookie_jar=aiohttp.DummyCookieJar(),
    )

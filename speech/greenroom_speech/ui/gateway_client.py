"""The gateway as the page sees it: speech, voices, models, and what happens on stage."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from greenroom_speech.ui.clips import Sounds
from greenroom_speech.ui.history import History

_NO_TIMEOUT = httpx.Timeout(None, connect=5.0)
_AGAIN = 2.0
EVENTS_KEPT = 200


class GatewayError(Exception):
    """The gateway refused or does not answer; the message is a sentence for the user."""


class GatewayClient:
    """One connection pool for all visitors, and one listener to the gateway's events."""

    def __init__(self, url: str, api_key: str | None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # The gateway is beside the page: a proxy leads away from it.
        self._web = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=_NO_TIMEOUT, trust_env=False
        )
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.history = History()
        self.sounds = Sounds()

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer if it is a good one. Raises GatewayError."""
        try:
            answer = await self._web.request(method, path, **request)
        except httpx.HTTPError:
            raise GatewayError(f"The server at {self._web.base_url} does not answer.") from None
        if answer.is_success:
            return answer
        raise GatewayError(_sentence(answer))

    @asynccontextmanager
    async def begun(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """A good answer whose body has yet to come. Raises GatewayError, in the middle too."""
        begun = False
        try:
            async with self._web.stream(method, path, **request) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise GatewayError(_sentence(answer))
                begun = True
                yield answer
        except httpx.HTTPError:
            if begun:
                raise GatewayError(
                    "The answer ended too early; the server's log says why."
                ) from None
            raise GatewayError(f"The server at {self._web.base_url} does not answer.") from None

    async def residency(self) -> dict[str, Any]:
        """GET /residency. Raises GatewayError."""
        found: dict[str, Any] = (await self.ask("GET", "/residency")).json()
        return found

    async def touch(self, model: str) -> None:
        """Ask for a model ahead of a request; whether it comes is told elsewhere."""
        with suppress(GatewayError):
            await self.ask("POST", f"/residency/{model}/touch")

    async def listen(self) -> None:
        """Keep the events that come, for ever."""
        while True:
            with suppress(httpx.HTTPError, ValueError):
                async with aconnect_sse(self._web, "GET", "/residency/events") as source:
                    source.response.raise_for_status()
                    async for event in source.aiter_sse():
                        self.events.appendleft(json.loads(event.data))
            await asyncio.sleep(_AGAIN)

    async def sample(self) -> None:
        """Keep where the models are, once a second, for ever."""
        while True:
            with suppress(GatewayError):
                self.history.add(await self.residency())
            await asyncio.sleep(self.history.INTERVAL)

    async def close(self) -> None:
        await self._web.aclose()


def _sentence(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return f"The server answered {answer.status_code} without a reason."

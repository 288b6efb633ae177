"""How often the page's password may be tried."""

import asyncio
import logging
import time
from collections.abc import Sequence

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from greenroom.errors import GreenroomError
from greenroom.plugin import Refusal
from greenroom_speech.ui.addresses import network
from greenroom_speech.ui.visits import LOGIN

logger = logging.getLogger(__name__)

BY_ADDRESS = RateLimitItemPerMinute(10)
IN_TOTAL = RateLimitItemPerMinute(60)
_FOLDED_FOR = 10.0
"""Seconds of which the failed tries are told in one line."""


class TooManyTries(GreenroomError):
    """The password was tried too often."""

    http_status = 429

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"Too many wrong passwords; try again in {retry_after:.0f} seconds.")
        self.retry_after = retry_after


class LoginLimit:
    """Lets so many tries of a minute through, of one address and of all; a right one starts anew.

    A try counts when it comes, so that many at one time are no way around. Who has used up an
    address's share takes nothing of the share of all. Whoever is logged in notices nothing.
    """

    def __init__(self, app: ASGIApp, *, refuse: Refusal) -> None:
        self._app, self._refuse = app, refuse
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._failed: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a try through, or answer when to come again."""
        if scope["type"] != "http" or not LOGIN.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        address = network(scope["client"][0] if scope["client"] else "")
        try:
            self._take(address)
        except TooManyTries as error:
            self._note(address)
            await self._refuse(error, scope["path"])(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 200:
                    self._limiter.clear(BY_ADDRESS, address)
                else:
                    self._note(address)
            await send(message)

        await self._app(scope, receive, watch)

    def _take(self, address: str) -> None:
        shares: Sequence[tuple[RateLimitItem, str]] = ((BY_ADDRESS, address), (IN_TOTAL, ""))
        for limit, whose in shares:
            if not self._limiter.test(limit, whose):
                again = self._limiter.get_window_stats(limit, whose).reset_time
                raise TooManyTries(max(1.0, again - time.time()))
        for limit, whose in shares:
            self._limiter.hit(limit, whose)

    def _note(self, address: str) -> None:
        if not self._failed:
            asyncio.get_running_loop().call_later(_FOLDED_FOR, self._tell)
            logger.warning("A login to the page from %s failed.", address)
        self._failed.append(address)

    def _tell(self) -> None:
        failed, self._failed = self._failed, []
        if len(failed) > 1:
            logger.warning(
                "%d logins to the page failed within %g s, from %d addresses, the last one %s.",
                len(failed),
                _FOLDED_FOR,
                len(set(failed)),
                failed[-1],
            )

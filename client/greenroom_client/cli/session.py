"""One verb's conversation with the server, with its progress shown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

from greenroom_client.cli.progress import Phase, Telling, display
from greenroom_client.errors import GreenroomClientError

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient

Answer = TypeVar("Answer")
POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Session:
    """Where the server is, and whether to tell what goes on."""

    url: str
    api_key: str | None = field(repr=False)
    quiet: bool

    def run(self, ask: Callable[["AsyncClient"], Awaitable[Answer]], phases: Telling) -> Answer:
        """Meanwhile the phases are shown."""
        with display(self.quiet) as show:
            return asyncio.run(self._run(ask, phases, show))

    async def _run(
        self,
        ask: Callable[["AsyncClient"], Awaitable[Answer]],
        phases: Telling,
        show: Callable[[Phase], None],
    ) -> Answer:
        from greenroom_client.async_client import AsyncClient  # imports numpy and tritonclient

        async with AsyncClient(self.url, self.api_key) as client:
            following = asyncio.create_task(_follow(client, phases, show))
            try:
                return await ask(client)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


async def _follow(client: "AsyncClient", phases: Telling, show: Callable[[Phase], None]) -> None:
    """Show phases until cancelled; without reports only the request itself tells."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            report = await client.residency()
        except GreenroomClientError:
            return
        show(phases.of(cast("dict[str, object]", report["models"])))

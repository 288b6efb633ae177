"""Triton's own metrics, as text."""

import aiohttp

from greenroom.errors import ServerDown
from greenroom.settings import Settings


async def triton_metrics(settings: Settings, seconds: float) -> str:
    """Return what Triton's metrics port shows now.

    Raises ServerDown when it does not answer within so many seconds.
    """
    url = f"http://{settings.triton_host}:{settings.triton_metrics_port}/metrics"
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServerDown(f"Triton's metrics at {url} do not answer: {error}.") from error

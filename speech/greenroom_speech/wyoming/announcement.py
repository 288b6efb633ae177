"""Tells Home Assistants in the same network that the server is there, by mDNS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wyoming.zeroconf import HomeAssistantZeroconf

from greenroom.plugin import is_loopback
from greenroom_speech.settings import WyomingSettings

ANYWHERE = ("0.0.0.0", "::")


@asynccontextmanager
async def announced(settings: WyomingSettings) -> AsyncIterator[None]:
    """Nothing is told of a server that others cannot reach."""
    host = settings.wyoming_host
    if is_loopback(host):
        yield
        return
    told = HomeAssistantZeroconf(
        settings.wyoming_port, "greenroom", None if host in ANYWHERE else host
    )
    await told.register_server()
    try:
        yield
    finally:
        await told._aiozc.async_close()

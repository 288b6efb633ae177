"""A Wyoming server over a gateway that answers when the test lets it."""

import asyncio

import pytest
from own_ports import own_port

from greenroom.plugin import http_socket
from greenroom_speech.wyoming.server import WyomingServer
from greenroom_speech.wyoming.voice_gateway import GatewayRefused


class ScriptedGateway:
    """Says each text with two pieces of sound, the second when it is let."""

    def __init__(self):
        self.said_texts, self.wavs, self.cancelled = [], [], asyncio.Event()
        self.begun, self.let = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def languages(self):
        return ["en"]

    async def voices(self):
        return [{"name": "clara", "language": "en"}, {"name": "mine", "language": ""}]

    async def heard(self, wav, language):
        self.wavs.append((wav, language))
        for delta in ("Good", " evening."):
            yield delta

    async def said(self, text, voice):
        if "fail" in text:
            raise GatewayRefused("voice 'x' does not exist.")
        self.said_texts.append((text, voice))
        yield 24_000, b"\1\0" * 10
        self.begun.release()
        try:
            await self.let.acquire()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        yield 24_000, b"\2\0" * 10


@pytest.fixture
def gateway():
    return ScriptedGateway()


@pytest.fixture
async def port(gateway):
    port = own_port()
    async with WyomingServer(gateway).listening(http_socket("127.0.0.1", port, "port")):
        yield port

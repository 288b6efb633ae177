"""The Wyoming server's process."""

import asyncio
import logging
import signal
import socket
import sys
from contextlib import AsyncExitStack

from greenroom.errors import SetupError
from greenroom.plugin import http_socket
from greenroom.settings import Settings
from greenroom_speech.settings import WyomingSettings
from greenroom_speech.wyoming.announcement import announced
from greenroom_speech.wyoming.process import gateway_url
from greenroom_speech.wyoming.server import WyomingServer
from greenroom_speech.wyoming.voice_gateway import VoiceGateway


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    settings, wyoming = Settings(), WyomingSettings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        listening = http_socket(
            wyoming.wyoming_host, wyoming.wyoming_port, "GREENROOM_WYOMING_PORT"
        )
    except SetupError as error:
        logging.error("%s", error)
        return 1
    asyncio.run(_serve(listening, settings, wyoming))
    return 0


async def _serve(listening: socket.socket, settings: Settings, wyoming: WyomingSettings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    key = wyoming.wyoming_key
    gateway = VoiceGateway(gateway_url(settings, wyoming), key.get_secret_value() if key else None)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(gateway.close)
        await stack.enter_async_context(WyomingServer(gateway).listening(listening))
        if wyoming.wyoming_zeroconf:
            await stack.enter_async_context(announced(wyoming))
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())

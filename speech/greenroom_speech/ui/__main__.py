"""The page's process."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys

from starlette.types import ASGIApp

from greenroom.errors import SetupError
from greenroom.plugin import HttpServer, http_socket
from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    # Gradio looks at them when it is imported: nothing is asked of the internet.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"  # that it remembers
    # Gradio's thousands of modules are no garbage, now and later; to look for it takes a second.
    gc.disable()
    from greenroom_speech.ui.application import application

    settings, page = Settings(), PageSettings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Its warnings are of what strangers send: garbage, and upgrades to WebSockets.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    try:
        app = application(settings, page)
        listening = http_socket(page.ui_host, page.ui_port, "GREENROOM_UI_PORT")
    except SetupError as error:
        logging.error("%s", error)
        return 1
    gc.freeze()
    gc.enable()
    asyncio.run(_serve(app, listening, settings))
    return 0


async def _serve(app: ASGIApp, listening: socket.socket, settings: Settings) -> None:
    server = HttpServer(app, settings, lifespan="on")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    await server.serve([listening])


if __name__ == "__main__":
    sys.exit(main())

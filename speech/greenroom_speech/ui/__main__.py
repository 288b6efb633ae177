"""The page's process."""

import logging
import os
import sys

import uvicorn

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    # Gradio looks at them when it is imported: nothing is asked of the internet.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    from greenroom_speech.ui.application import application

    settings, page = Settings(), PageSettings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        app = application(settings, page)
    except SetupError as error:
        logging.error("%s", error)
        return 1
    uvicorn.run(
        app,
        host=page.ui_host,
        port=page.ui_port,
        # Its warnings are of what strangers send: garbage, and upgrades to WebSockets.
        log_level="error",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

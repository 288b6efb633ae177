"""The page's process: both languages behind one port, the gateway asked for everything."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hmac import compare_digest

# Before Gradio is imported, which looks at them then: nothing is asked of the internet.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from greenroom.config import Settings
from greenroom.errors import SetupError
from greenroom.launcher.service import http_url
from greenroom.ui.page import STYLE, page, path_of, theme
from greenroom.ui.password import page_password
from greenroom.ui.server import Server
from greenroom.ui.words import LANGUAGES


def application(settings: Settings) -> FastAPI:
    """Return the application."""
    key, password = settings.ui_key, page_password(settings)
    url = settings.ui_gateway or http_url(settings)
    server = Server(url, key.get_secret_value() if key else None)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(server.listen()), asyncio.create_task(server.sample())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.close()

    app = FastAPI(lifespan=running, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @app.get("/")
    async def home() -> Response:
        return RedirectResponse(path_of("en"))

    for language in LANGUAGES:
        app = gr.mount_gradio_app(
            app,
            page(server, language),
            path=path_of(language).rstrip("/"),
            theme=theme(),
            css=STYLE.read_text(encoding="utf-8"),
            footer_links=[],
            show_error=True,
            ssr_mode=False,
            max_file_size=settings.max_request_bytes,
            auth=_asking_for(password) if password else None,
        )
    return app


def _asking_for(password: str) -> Callable[[str, str], bool]:
    def right(user: str, given: str) -> bool:
        return compare_digest(given.encode(), password.encode())

    return right


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    settings = Settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        app = application(settings)
    except SetupError as error:
        logging.error("%s", error)
        return 1
    uvicorn.run(
        app,
        host=settings.ui_host,
        port=settings.ui_port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Both languages of the page behind one port, the gateway asked for everything."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hmac import compare_digest

import gradio as gr
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.gateway_client import GatewayClient
from greenroom_speech.ui.page import STYLE, page, path_of, theme
from greenroom_speech.ui.password import page_password
from greenroom_speech.ui.translations import LANGUAGES

from greenroom.settings import Settings
from greenroom.supervisor.service import http_url


def application(settings: Settings, page_settings: PageSettings) -> FastAPI:
    """Return the application."""
    key, password = page_settings.ui_key, page_password(page_settings)
    url = page_settings.ui_gateway or http_url(settings)
    server = GatewayClient(url, key.get_secret_value() if key else None)

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

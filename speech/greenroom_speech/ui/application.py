"""Both languages of the page behind one port, the gateway asked for everything."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hmac import compare_digest

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from greenroom.errors import GreenroomError
from greenroom.plugin import OriginGuard, Settings, return_memory, runtime_folder, url
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.blocks import OwnFilesBlocks
from greenroom_speech.ui.files import VisitorsFiles
from greenroom_speech.ui.gateway_client import GatewayClient
from greenroom_speech.ui.live import LIVE, Takes
from greenroom_speech.ui.login_limit import LoginLimit
from greenroom_speech.ui.page import STYLE, page, path_of, theme
from greenroom_speech.ui.password import page_password
from greenroom_speech.ui.sound_file import SOUND, sound_file
from greenroom_speech.ui.translations import LANGUAGES
from greenroom_speech.ui.visits import PAGES, Visits

_FORGOTTEN_EVERY = 60.0


def application(settings: Settings, page_settings: PageSettings) -> ASGIApp:
    """Removes the files of earlier runs, and sets GRADIO_TEMP_DIR for this process.

    Raises SetupError as `page_password` does.
    """
    password = page_password(page_settings)
    files = VisitorsFiles(runtime_folder(settings) / "page", page_settings.ui_files_bytes)
    os.environ["GRADIO_TEMP_DIR"] = str(files.folder)
    visits = Visits(
        LoginLimit(_pages(settings, page_settings, files, password), refuse=_refusal),
        files=files,
        port=page_settings.ui_port,
        max_upload=settings.max_request_bytes,
        receive_timeout=settings.receive_timeout,
        streams=settings.max_connections // 2,
        refuse=_refusal,
    )
    # With a password, a rebound name has not the cookie of who gave it. Another site's requests
    # have: Gradio's cookie says SameSite=None.
    return OriginGuard(
        visits,
        hosts=None if password else {page_settings.ui_host, *settings.allowed_hosts},
        origins=settings.allowed_origins,
        refuse=_refusal,
        free=lambda path: path == "/healthz",
        opens=lambda path: bool(PAGES.fullmatch(path)),
    )


def _refusal(error: GreenroomError, path: str) -> Response:
    # The connection stays: one that is closed while its body still comes loses the answer too.
    return PlainTextResponse(str(error), error.http_status, error.headers)


def _pages(
    settings: Settings, page_settings: PageSettings, files: VisitorsFiles, password: str | None
) -> FastAPI:
    key = page_settings.ui_key
    gateway = page_settings.ui_gateway or url(settings.host, settings.http_port)
    server = GatewayClient(gateway, key.get_secret_value() if key else None)

    pages: list[OwnFilesBlocks] = []

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        lasting = (server.listen(), server.sample(), files.keep_tidy(), _forgetting(pages))
        tasks = [asyncio.create_task(work) for work in lasting]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.close()
            files.clear()

    app = FastAPI(lifespan=running, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @app.get("/")
    async def home() -> Response:
        return RedirectResponse(path_of("en"))

    takes = Takes()

    @app.get(LIVE + "/{token}")
    async def live(token: str) -> Response:
        take = takes.get(token)
        if take is None:
            return PlainTextResponse("This audio is no longer kept.", 404)
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(take.heard(), media_type="audio/wav", headers=headers)

    @app.get(SOUND + "/{token}")
    async def sound(token: str, request: Request) -> Response:
        kept = server.sounds.get(token)
        if kept is None:
            return PlainTextResponse("This audio is no longer kept.", 404)
        return sound_file(kept, request.headers.get("range", ""))

    for language in LANGUAGES:
        blocks = page(server, files, takes, language)
        pages.append(blocks)
        app = gr.mount_gradio_app(
            app,
            blocks,
            path=path_of(language).rstrip("/"),
            theme=theme(),
            css=STYLE.read_text(encoding="utf-8"),
            footer_links=[],
            show_error=True,
            run_history=False,
            ssr_mode=False,
            max_file_size=settings.max_request_bytes,
            auth=_asking_for(password) if password else None,
        )
    return app


async def _forgetting(pages: list[OwnFilesBlocks]) -> None:
    """Forget once a minute what nobody takes, and give back its memory, for ever."""
    while True:
        await asyncio.sleep(_FORGOTTEN_EVERY)
        for blocks in pages:
            await blocks.forget_untaken()
        await asyncio.to_thread(return_memory)


def _asking_for(password: str) -> Callable[[str, str], bool]:
    def right(user: str, given: str) -> bool:
        return compare_digest(given.encode(), password.encode())

    return right

"""The page's own process, without a service behind it, and visitors that speak HTTP to it."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager, suppress

import httpx
from own_ports import own_port
from page_visitor import Visitor

from greenroom.settings.exported import exported
from greenroom_speech.settings import PageSettings

FILE = {"_type": "gradio.FileData"}


class PageProcess:
    """A running page: its address, its folder and what it has logged."""

    def __init__(self, settings, page, process):
        self.url = f"http://127.0.0.1:{page.ui_port}"
        self.port = page.ui_port
        self.folder = settings.runtime / "page"
        self.runtime = settings.runtime
        self._process = process
        self.lines: list[str] = []
        self._more = asyncio.Condition()
        self.reading = asyncio.create_task(self._read())

    async def _read(self):
        while line := await self._process.stderr.readline():
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()

    async def logged(self, text):
        async with self._more:
            await self._more.wait_for(lambda: any(text in line for line in self.lines))

    async def served(self):
        async with httpx.AsyncClient() as web:
            while True:
                with suppress(httpx.HTTPError):
                    (await web.get(f"{self.url}/healthz")).raise_for_status()
                    return
                assert self._process.returncode is None, self.lines
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def visitor(self, **of_client):
        """Open the page as a browser does and keep its cookie."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60, **of_client) as web:
            await web.get("/en/")
            yield Visitor(web)


@asynccontextmanager
async def page_process(settings, **of_page):
    page = PageSettings(ui_port=own_port(), **of_page)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "greenroom_speech.ui"),
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | exported(settings) | exported(page),
    )
    running = PageProcess(settings, page, process)
    try:
        await running.served()
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await running.reading


def file_data(path, **more):
    return {"path": str(path), "meta": FILE} | more

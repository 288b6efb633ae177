"""What a visitor does on the page and sees there, in a real browser."""

import re
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

PICTURES = Path(__file__).parents[2] / "artefacts"
PATIENCE = 90_000
"""Milliseconds that a busy machine may take for one step."""
expect.set_options(timeout=PATIENCE)


class Visit:
    """One visitor's page, and what it asked of other hosts."""

    def __init__(self, service, page) -> None:
        self.page, self.outside = page, []
        self._url = service.service.plugins[0].ready_url.removesuffix("/healthz")
        page.set_default_timeout(PATIENCE)
        page.on("request", self._note)

    def _note(self, request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.outside.append(request.url)

    async def open(self, path: str = "/en/") -> None:
        await self.page.goto(self._url + path)
        await self.page.wait_for_selector("#say")

    async def tab(self, name: str) -> None:
        await self.page.get_by_role("tab", name=name, exact=True).click()

    async def tab_key_to(self, place: str) -> None:
        """Press the tab key until something in the place has the focus."""
        await self.page.wait_for_selector(place)
        is_there = f"!!document.activeElement.closest({place!r})"
        for _ in range(60):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate(is_there):
                return
        raise AssertionError(f"the keyboard does not reach {place}")

    async def upload(self, place: str, path: str) -> None:
        await self.page.set_input_files(f"{place} input[type=file]", path)

    async def says(self, place: str, pattern: str) -> None:
        await expect(self.page.locator(place)).to_have_text(re.compile(pattern))

    async def has(self, number: int) -> None:
        """Wait until so many sounds are in the session's list."""
        await expect(self.page.locator(".sound:visible")).to_have_count(number)

    async def plays(self, place: str) -> None:
        """See an element's sound go on."""
        playing = "place => document.querySelector(place)?.currentTime > 0.1"
        await self.page.wait_for_function(playing, arg=place)

    async def downloaded(self, link) -> bytes:
        async with self.page.expect_download() as waiting:
            await link.click()
        path = await (await waiting.value).path()
        return path.read_bytes()

    async def nothing_serious(self) -> None:
        """See that axe-core calls nothing so, or worse, of what is shown, light and dark."""
        # A colour on its way to another one may be hard to read.
        await self.page.add_style_tag(content="* { transition: none !important }")
        for _ in range(2):
            await self.page.evaluate("document.body.classList.toggle('dark')")
            found = (await Axe().run(self.page)).response["violations"]
            assert [
                f"{one['id']}: {node['html']}"
                for one in found
                if one["impact"] in ("serious", "critical")
                for node in one["nodes"]
            ] == []

    async def picture(self, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

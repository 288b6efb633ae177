"""The web page in Debian's chromium, as a visitor uses it."""

import re
import shutil
from pathlib import Path

import pytest
import soundfile
from own_ports import own_port
from playwright.async_api import async_playwright, expect

from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.process import process
from greenroom_speech.voices import voice

REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}
CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
PICTURES = Path(__file__).parents[2] / "artefacts"
PATIENCE = 90_000
"""Milliseconds that a busy machine may take for one step."""
RECORDING = str(voice("henry").path)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="chromium is missing; apt install chromium"),
    pytest.mark.timeout(300),
]


@pytest.fixture
async def service(start, tmp_path):
    page = PageSettings(ui=True, ui_port=own_port())
    return await start(
        **REAL,
        plugins=[process(Settings(), page)],
        environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")},
    )


@pytest.fixture
async def browser():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


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

    async def upload(self, place: str, path: str) -> None:
        await self.page.set_input_files(f"{place} input[type=file]", path)

    async def says(self, place: str, pattern: str) -> None:
        await expect(self.page.locator(place)).to_have_text(re.compile(pattern), timeout=PATIENCE)

    async def picture(self, name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        await self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


@pytest.fixture
async def visit(service, browser):
    async def visit(**context) -> Visit:
        found = await browser.new_context(viewport={"width": 1200, "height": 900}, **context)
        return Visit(service, await found.new_page())

    return visit


async def test_a_visit_from_the_first_clone_to_the_saved_voice(service, visit):
    visitor = await visit()
    await service.page_served()
    await visitor.open()
    await clone(visitor)
    await edit_twice(visitor)
    await move_on_stage(visitor, service)

    await visitor.page.click("a.switch")
    await expect(visitor.page.get_by_role("tab", name="克隆")).to_be_visible()
    await visitor.picture("chinese")

    await visitor.page.set_viewport_size({"width": 390, "height": 844})
    await visitor.open()
    await save_and_use_a_voice(visitor)
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    await visitor.picture("phone")
    assert visitor.outside == []


async def test_what_is_wrong_is_said_in_a_sentence(service, visit, tmp_path):
    visitor = await visit(color_scheme="dark")
    await service.page_served()
    await visitor.open()
    await visitor.page.click("#say")
    await visitor.says("#clone-status", "Upload or record a voice first")
    lie = tmp_path / "notes.wav"
    lie.write_text("These are no sounds.")
    await visitor.upload("#recording", str(lie))
    await visitor.says("#clone-status", "is not an audio file in a supported format")
    await visitor.picture("dark")


async def clone(visitor):
    page = visitor.page
    await visitor.upload("#recording", RECORDING)
    transcript = page.locator("#transcript textarea")
    await expect(transcript).to_have_value(re.compile("brother came home"), timeout=PATIENCE)
    await page.fill("#text textarea", "Good evening, and welcome to the show.")
    await page.click("#say")
    await visitor.says("#clone-status", r"\d\.\d s of audio in .* \((cold|warm|hot) start\)")
    await plays(page, "#result")
    assert 1.5 < await downloaded_seconds(page, "#result") < 6
    await visitor.picture("clone")


async def edit_twice(visitor):
    page = visitor.page
    await visitor.tab("Edit")
    await page.click("#from-clone")
    await expect(page.locator("#before .play-pause-button")).to_be_visible()
    await page.click("#apply")
    await expect(page.locator("ol.session li")).to_have_count(2, timeout=PATIENCE)
    await page.click("#again")
    await expect(page.locator("#after .play-pause-button")).to_have_count(0)
    await page.click("#apply")
    await expect(page.locator("ol.session li")).to_have_count(3, timeout=PATIENCE)
    await expect(page.locator("#after .play-pause-button")).to_be_visible()
    await visitor.picture("edit")


async def move_on_stage(visitor, service):
    page = visitor.page
    await visitor.tab("Stage")
    card = page.locator('.card[data-model="tts"]')
    await page.click("#verb-restore")
    await expect(card).to_have_attribute("data-residency", "hot", timeout=PATIENCE)
    await page.click("#verb-offload")
    await expect(card).to_have_attribute("data-residency", "warm", timeout=PATIENCE)
    assert (await service.residency("tts"))["residency"] == "warm"
    await expect(page.locator("table.log")).to_contain_text("hot → warm")
    kept = page.locator('table.caches tr[data-model="tokenizer"] td')
    await expect(kept.nth(1)).not_to_have_text("0")
    assert await page.eval_on_selector("#caches", "box => box.scrollWidth <= box.clientWidth")
    await visitor.picture("stage")
    await page.click("#clear-caches")
    await visitor.says("#stage-status", "The cache is empty")
    await expect(kept.nth(1)).to_have_text("0")
    assert (await service.residency("tokenizer"))["cache"]["bytes"] == 0


async def save_and_use_a_voice(visitor):
    page = visitor.page
    await visitor.upload("#recording", RECORDING)
    await expect(page.locator("#transcript textarea")).not_to_have_value("", timeout=PATIENCE)
    await page.get_by_text("Save this voice").click()
    await page.fill("#voice-name input, #voice-name textarea", "Uncle Henry")
    await page.fill("#consent input, #consent textarea", "I am Henry, and I agree.")
    await page.click("#save-voice")
    await visitor.says("#clone-status", "Saved Uncle Henry")
    await page.get_by_text("Saved voice").click()
    await expect(page.locator("#voice input")).to_have_value(re.compile("Uncle Henry"))
    await page.fill("#text textarea", "Yes.")
    await page.click("#say")
    await visitor.says("#clone-status", "s of audio")


async def plays(page, place: str) -> None:
    """Press play and see the time go on."""
    await page.locator(f"{place} .play-pause-button").click()
    await expect(page.locator(f"{place} time").first).not_to_have_text("0:00", timeout=PATIENCE)


async def downloaded_seconds(page, place: str) -> float:
    async with page.expect_download() as waiting:
        await page.locator(f"{place} a[download]").first.click()
    path = await (await waiting.value).path()
    return soundfile.info(path).duration

"""The web page in Debian's chromium, as a visitor uses it: one service and one browser for all."""

import io
import re
import shutil

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from own_ports import own_port, own_ports
from playwright.async_api import async_playwright, expect
from running import Running
from visit import Visit

from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.process import process
from greenroom_speech.voices import voice

CHROMIUM = shutil.which("chromium")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
RECORDING = str(voice("henry").path)
WIDTHS = "[...document.querySelectorAll('.gradio-container, .tabs')].map(e => e.clientWidth).join()"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is missing; apt install chromium"),
    pytest.mark.timeout(300),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    settings = Settings(runtime_dir=folder / "runtime", triton_exit_timeout=2, **own_ports())
    page = PageSettings(ui=True, ui_port=own_port())
    voices = {"GREENROOM_VOICES_DIR": str(folder / "voices")}
    plugins = [process(settings, page)]
    async with Running(settings, plugins=plugins, environment=voices) as running:
        await running.page_served()
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(service, browser):
    contexts = []

    async def visit(**context) -> Visit:
        contexts.append(
            await browser.new_context(viewport={"width": 1200, "height": 900}, **context)
        )
        return Visit(service, await contexts[-1].new_page())

    yield visit
    for context in contexts:
        await context.close()


async def test_one_press_makes_sound_and_what_was_made_can_be_heard_edited_and_removed(
    service, visit
):
    visitor = await visit()
    page = visitor.page
    await visitor.open()
    widths = await page.evaluate(WIDTHS)
    await page.click("#say")
    await visitor.plays("#live audio")
    await visitor.says("#speak-status", r"\d\.\d s of audio in .* \((cold|warm|hot) start\)")
    await visitor.has(1)
    content = await visitor.downloaded(page.locator("#sound-1 a[download]"))
    seconds = soundfile.info(io.BytesIO(content)).duration
    assert 3 < seconds < 8
    sought = f"""async () => {{
        const audio = document.querySelector('#sound-1 audio');
        await audio.play(); audio.currentTime = {seconds - 1};
        await new Promise(done => audio.onseeked = done);
        return [audio.duration, audio.currentTime]; }}"""
    duration, at = await page.evaluate(sought)
    assert duration == pytest.approx(seconds, abs=0.1)
    assert at >= seconds - 1
    await visitor.picture("speak")
    await visitor.nothing_serious()
    await stop_in_mid_speech(visitor, service)

    await page.click("#sound-1 button:has-text('Edit')")
    said = page.locator("#edit-transcript textarea")
    await expect(said).to_have_value(re.compile("^Good evening, and welcome."))
    await page.click("#apply")
    await visitor.has(2)
    await expect(page.locator("#sound-1")).to_contain_text("emotion happy")
    await page.locator("#sound-1 audio[aria-label=Before]").evaluate("audio => audio.play()")
    await visitor.plays("#sound-1 audio[aria-label=Before]")
    await visitor.picture("edit")
    await visitor.nothing_serious()
    await page.click("#sound-1 button:has-text('Edit')")
    await expect(said).to_have_value(re.compile("^Good evening, and welcome."))
    source = await page.get_attribute("#sound-2 audio", "src")
    await page.click("#sound-2 button:has-text('Remove')")
    await visitor.has(1)
    await expect(page.locator("#sound-1")).to_contain_text("emotion happy")
    assert await page.evaluate("async path => (await fetch(path)).status", source) == 404
    assert await page.evaluate(WIDTHS) == widths
    assert visitor.outside == []


async def test_a_recording_is_written_down_with_times(service, visit, tmp_path):
    visitor = await visit()
    page = visitor.page
    await visitor.open()
    await visitor.tab("Transcribe")
    await page.click("#transcribe")
    await visitor.says("#heard-status", "Choose a file or record something first")
    await page.check("#transcribe-samples [value=henry]")
    await expect(page.locator("#spoken .play-pause-button")).to_be_visible()
    await page.click("#transcribe")
    await visitor.says("#heard-status", "The transcription is complete")
    text = await page.input_value("#heard textarea")
    assert "brother came home" in text
    rows = page.locator("table.segments tr:has(td)")
    assert re.match(r"0:0\d\.\d0:0\d\.\d.*brother", (await rows.first.text_content()))
    await rows.first.locator("summary").click()
    await expect(rows.first.locator("li").nth(1)).to_have_text(re.compile(r"brother \d\.\d\d - \d"))
    links = page.locator("#heard-files a")
    files = [(await visitor.downloaded(link)).decode() for link in await links.all()]
    assert files[0] == text + "\n"
    assert re.match(r"1\n00:00:00,\d{3} --> 00:00:0\d,\d{3}\n.*brother came", files[1])
    assert re.match(r"WEBVTT\n\n00:00:00\.\d{3} --> ", files[2])
    await visitor.picture("transcribe")
    await visitor.nothing_serious()
    await record(visitor)
    await stop_in_mid_recording(visitor, service, tmp_path)


@pytest.mark.long
async def test_who_changes_models_languages_and_phones_finds_their_way(service, visit):
    visitor = await visit()
    await visitor.open()
    await move_on_stage(visitor, service)
    await visitor.page.click("a.switch")
    await expect(visitor.page.get_by_role("tab", name="朗读")).to_be_visible()
    await expect(visitor.page.locator("#voice input")).to_have_value("lan · 普通话，女声")
    for tab in await visitor.page.get_by_role("tab").all():
        await tab.click()
        await visitor.nothing_serious()
    await visitor.picture("chinese")

    await visitor.page.set_viewport_size({"width": 390, "height": 844})
    await visitor.open()
    await save_and_use_a_voice(visitor)
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 390
    await visitor.picture("phone")
    assert visitor.outside == []


async def test_the_keyboard_alone_clones_a_voice(visit):
    visitor = await visit()
    keys = visitor.page.keyboard
    await visitor.open()
    await visitor.tab_key_to("#source [value=own]")
    await keys.press("Space")
    await visitor.tab_key_to("#speak-samples [value=henry]")
    await keys.press("Space")
    await expect(visitor.page.locator("#speak-transcript textarea")).not_to_have_value("")
    await visitor.tab_key_to("#text")
    await keys.press("Control+a")
    await keys.type("Yes.")
    await visitor.tab_key_to("#say")
    await keys.press("Enter")
    await visitor.says("#speak-status", "s of audio")
    await visitor.tab_key_to("#sound-1 audio")
    await keys.press("Space")
    await visitor.plays("#sound-1 audio")


async def test_what_is_wrong_is_said_in_a_sentence(visit, tmp_path):
    visitor = await visit()
    await visitor.open()
    await visitor.page.get_by_label("The voice in a recording").check()
    await expect(visitor.page.locator("#speak-recording")).to_contain_text("30 seconds at most")
    await visitor.page.click("#say")
    await visitor.says("#speak-status", "Upload or record a voice first")
    lie = tmp_path / "notes.wav"
    lie.write_text("These are no sounds.")
    await visitor.upload("#speak-recording", str(lie))
    await visitor.says("#speak-status", "is not an audio file in a supported format")


async def stop_in_mid_speech(visitor, service):
    page = visitor.page
    text = await page.input_value("#text textarea")
    await page.fill("#text textarea", "This sentence is said again and again. " * 300)
    await page.click("#say")
    await visitor.says("#speak-status", r"\d\.\d s ready")
    await expect(page.locator("#speak-status progress")).to_be_visible()
    await visitor.plays("#live audio")
    await page.click("#stop")
    await visitor.says("#speak-status", "Stopped")
    await expect(page.locator("#live audio")).to_have_count(0)
    await service.until("tts", leases=0, waiting=0)
    metrics = (await service.web.get("/metrics")).text
    assert 'model="speech",outcome="cancelled",protocol="openai"} 1.0' in metrics
    await page.fill("#text textarea", text)


async def record(visitor):
    """The browser's microphone says beeps, in which there are no words to be relied on."""
    page = visitor.page
    await page.click("#spoken button[aria-label='Clear']")
    await page.click("#spoken .record-button")
    await page.click("#spoken .stop-button:visible")
    await expect(page.locator("#spoken .play-pause-button")).to_be_visible()
    await page.click("#transcribe")
    await visitor.says("#heard-status", "No speech was found|complete")


async def stop_in_mid_recording(visitor, service, tmp_path):
    page = visitor.page
    samples, rate = soundfile.read(RECORDING)
    long = tmp_path / "long.flac"
    # No two pieces alike: asr would know the second one's words already.
    louder = [samples * loudness for loudness in np.linspace(0.3, 0.9, 80)]
    soundfile.write(long, np.concatenate(louder), rate)
    await visitor.upload("#file", str(long))
    await page.click("#transcribe")
    await visitor.says("#heard-status", r"\d:\d\d\.\d of 8:1\d\.\d")
    await expect(page.locator("#heard-status progress")).to_be_visible()
    await page.click("#stop-hearing")
    await visitor.says("#heard-status", "Stopped")
    await service.until("asr", leases=0, waiting=0)
    metrics = (await service.web.get("/metrics")).text
    assert 'model="asr",outcome="cancelled",protocol="openai"} 1.0' in metrics
    await expect(page.locator("#heard-files a")).to_have_count(3)


async def move_on_stage(visitor, service):
    page = visitor.page
    await service.act("tts", "load")
    recording = voice("henry").path.read_bytes()
    await service.web.post("/v1/audio/analyses", files={"file": recording})
    await visitor.tab("Models")
    await expect(page.locator("#model input")).to_have_value("tts")
    card = page.locator('.card[data-model="tts"]')
    await page.click("#verb-restore")
    await expect(card).to_have_attribute("data-residency", "hot")
    await expect(card).to_contain_text(re.compile(r"Memory [1-9]\d+ MiB"))
    await page.click("#verb-offload")
    await expect(card).to_have_attribute("data-residency", "warm")
    assert (await service.residency("tts"))["residency"] == "warm"
    await expect(page.locator("table.log")).to_contain_text("hot → warm")
    kept = page.locator('table.caches tr[data-model="tokenizer"] td')
    await expect(kept.nth(1)).not_to_have_text("0")
    assert await page.eval_on_selector("#caches", "box => box.scrollWidth <= box.clientWidth")
    await visitor.picture("stage")
    await visitor.nothing_serious()
    await page.click("#clear-caches")
    await visitor.says("#stage-status", "The cache is empty")
    await expect(kept.nth(1)).to_have_text("0")
    assert (await service.residency("tokenizer"))["cache"]["bytes"] == 0


async def save_and_use_a_voice(visitor):
    page = visitor.page
    await page.get_by_label("The voice in a recording").check()
    await visitor.upload("#speak-recording", RECORDING)
    transcript = page.locator("#speak-transcript textarea")
    await expect(transcript).to_have_value(re.compile("brother came home"))
    await page.get_by_text("Add this voice").click()
    await page.locator("#voice-name textarea").press_sequentially("Uncle Henry")
    await page.locator("#consent textarea").press_sequentially("I am Henry, and I agree.")
    await page.click("#save-voice")
    await visitor.says("#speak-status", "Saved Uncle Henry")
    await page.get_by_label("A voice from the list").check()
    await expect(page.locator("#voice input")).to_have_value(re.compile("Uncle Henry"))
    await page.fill("#text textarea", "Yes.")
    await page.click("#say")
    await visitor.says("#speak-status", "s of audio")

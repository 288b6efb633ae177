"""The page and the decoder of audio files die, or stand still, under load: nobody is lost."""

import asyncio
import signal
from contextlib import suppress

import httpx
import psutil
import pytest
import pytest_asyncio
from own_ports import own_port, own_ports
from running import Running

import greenroom_speech.codec
from greenroom.settings import Settings
from greenroom_speech.settings import PageSettings
from greenroom_speech.ui.process import process
from greenroom_speech.voices import voice

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]
SPOKEN = voice("clara")
RECORDING = SPOKEN.path.read_bytes()
SPEECH = {"input": "Good evening. And now for the news.", "voice": "henry"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("companions")
    settings = Settings(
        runtime_dir=folder / "runtime", triton_exit_timeout=2, hang_timeout=5, **own_ports()
    )
    page = process(settings, PageSettings(ui=True, ui_port=own_port()))
    async with Running(settings, plugins=[page]) as running:
        await running.page_served()
        yield running


def pid_of(service, companion):
    if companion == "page":
        return service.service.companions[0].pid
    (codec,) = (
        child
        for child in psutil.Process(service.service.programs[0].pid).children()
        if greenroom_speech.codec.__name__ in child.cmdline()
    )
    return codec.pid


async def ask_all_the_time(ask, ended, answers):
    while not ended.is_set():
        answers.append(await ask())


def fault_of(answer):
    """What is wrong with an answer; None if nothing is."""
    good = answer.status_code == 200
    again = answer.status_code == 503 and "retry-after" in answer.headers
    return None if good or again else f"{answer.status_code} {answer.text}"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("companion", ["page", "decoder"])
async def test_nobody_is_lost(service, companion, how):
    web = service.web

    async def heard():
        return await web.post("/v1/audio/transcriptions", files={"file": ("a.flac", RECORDING)})

    async def spoken():
        """An mp3 may be broken off, if its client sees it."""
        with suppress(httpx.RemoteProtocolError):
            return await web.post("/v1/audio/speech", json=SPEECH)
        return httpx.Response(200)

    asks = (spoken, heard)
    assert [fault_of(await ask()) for ask in asks] == [None, None]
    first = pid_of(service, companion)
    answers, ended = [], asyncio.Event()
    load = [asyncio.create_task(ask_all_the_time(ask, ended, answers)) for ask in asks]
    psutil.Process(first).send_signal(how)
    if companion == "page":
        await service.logged("ui | runs again")
        service.lines.clear()
        await service.page_served()
    for ask in asks:
        while (await ask()).status_code != 200:
            pass
    ended.set()
    await asyncio.gather(*load)
    assert [fault for answer in answers if (fault := fault_of(answer))] == []
    assert pid_of(service, companion) != first

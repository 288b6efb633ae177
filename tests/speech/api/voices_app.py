"""The routes of /v1/voices by themselves: a real store, no models behind them."""

import io
import logging
from pathlib import Path

import httpx
import numpy as np
import soundfile
from fastapi import FastAPI

from greenroom.gateway.held_bytes import HeldBytes
from greenroom.gateway.request_body import BoundedBodies
from greenroom.settings import Settings
from greenroom_speech.api.openai_errors import HANDLERS
from greenroom_speech.api.saved_voices import saved_voices_routes
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import VoicesStore
from greenroom_speech.codec.recording import Recording

RATE = 16000


def sound(seconds=0.3, seed=1):
    """Return a FLAC file of noise, which hardly gets smaller."""
    noise = np.random.default_rng(seed).uniform(-1, 1, round(seconds * RATE)).astype(np.float32)
    file = io.BytesIO()
    soundfile.write(file, noise, RATE, format="FLAC")
    return file.getvalue()


def lying(folder):
    """Return what lies in a folder and those below."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def read(content, field):
    samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    return Recording(samples, rate)


class NoModels:
    """Analyses nothing; `meanwhile` runs where a save waits for the models."""

    async def meanwhile(self):
        pass

    async def analyse(self, recording):
        await self.meanwhile()


class VoicesApp:
    """Asks the routes over a place, or over a folder."""

    def __init__(self, place):
        self.store = VoicesStore(VoicesOnDisk(place) if isinstance(place, Path) else place)
        self.models = NoModels()
        app = FastAPI(exception_handlers=HANDLERS)
        app.include_router(saved_voices_routes(self.models, self.store, read, None))
        bounded = BoundedBodies(app, Settings(), HeldBytes(2**30), None, str.isspace)
        transport = httpx.ASGITransport(bounded, raise_app_exceptions=False)
        self.web = httpx.AsyncClient(transport=transport, base_url="http://own")

    async def save(self, name, audio=b"", words="some words"):
        fields = {"name": name, "consent": "I agree.", "transcript": words}
        return await self.web.post("/v1/voices", files={"file": audio or sound()}, data=fields)

    async def names(self):
        answer = await self.web.get("/v1/voices")
        assert answer.status_code == 200, answer.text
        return [voice["name"] for voice in answer.json()["data"]]


class Sentences(logging.Handler):
    """What was logged at WARNING or above."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.said = []
        logging.getLogger("greenroom_speech").addHandler(self)

    def emit(self, record):
        self.said.append(self.format(record))

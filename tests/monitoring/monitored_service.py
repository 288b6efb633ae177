"""A running service, and what happens in it before a Prometheus looks back."""

import asyncio
import time
from pathlib import Path

import httpx
import psutil
import soundfile
from prometheus_server import PATIENCE, Prometheus
from running import Running
from speech_requests import over_http

from greenroom.triton.backend_processes import backend_processes
from greenroom_speech.voices import voice

COLD = (
    'count({__name__=~"triton:.+", model="tts"} == 0) == 5'
    ' unless on () nv_inference_request_success{model="tts"}'
)
"""A cold model's series of Triton are missing and its rules are not."""
_SEEN = (
    'greenroom:request_seconds:p95_5m{start="cold"}',
    'greenroom:wake_seconds:p95_5m{start="warm"}',
    'greenroom:transition_seconds:p95_5m{action="offload"}',
    'greenroom:transition_seconds:p95_5m{action="restore"}',
    "greenroom:restore_seconds:p50_24h",
    'triton:batch_size:mean5m{model="asr"} > 0',
    'greenroom:first_piece_seconds:p95_5m{model="speech"}',
    'greenroom:step_seconds:p99_5m{model="tts"}',
)


class Serving:
    """A running service with the speech models and the model `fickle`."""

    def __init__(self, running: Running, models: Path, key: str) -> None:
        self.running = running
        self.models = models
        self.web = running.web
        self._key = {"Authorization": f"Bearer {key}"}
        self.web.headers.update(self._key)
        samples, rate = soundfile.read(voice("henry").path, dtype="float32", frames=16000)
        self._second = {"AUDIO": samples[None], "SAMPLE_RATE": rate}

    async def say(self) -> None:
        given = over_http(**self._second, TRANSCRIPT="And then", TEXT="Yes.")
        await self.running.http.infer("speech", given, headers=self._key)

    async def stream(self) -> None:
        audio, rate = self._second["AUDIO"][0].tolist(), self._second["SAMPLE_RATE"]
        given = {"AUDIO": audio, "SAMPLE_RATE": rate, "TRANSCRIPT": "And then"}
        path = "/v2/models/speech/generate_stream"
        events = (await self.web.post(path, json={**given, "TEXT": "Yes. No."})).text
        assert '"WAVEFORM"' in events
        assert '"error"' not in events

    async def hear(self) -> None:
        await self.running.http.infer("asr", over_http(**self._second), headers=self._key)

    async def echo(self) -> httpx.Response:
        tensor = {"name": "INPUT", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
        return await self.web.post("/v2/models/fickle/infer", json={"inputs": [tensor]})

    def process(self, model: str) -> psutil.Process:
        """Return the one process of a model."""
        (process,) = backend_processes(model, self.running.service.triton.prefix)
        return process


class MonitoredService:
    """A service that Prometheus scrapes, and from when to when it ran as it should."""

    def __init__(self, serving: Serving, prometheus: Prometheus) -> None:
        self.serving = serving
        self.running = serving.running
        self.prometheus = prometheus
        self.steady_from = time.time()
        self.steady_until = 0.0

    async def run_steadily(self) -> None:
        """tts is cold, hot, warm, hot, warm and cold again, and Prometheus has seen each of them.

        An increase shows from the scrape after the event on, and in a rule from its next
        evaluation on: each kind of event is waited for, not any one of them.
        """
        await self.shown(COLD)
        await self.serving.hear()
        await self.serving.hear()
        assert (await self.serving.echo()).status_code == 200
        await self.serving.say()
        await self.running.until("tts", residency="warm")
        await self.serving.say()
        await self.serving.stream()
        await self.running.until("tts", residency="warm")
        for query in _SEEN:
            await self.shown(query)
        assert (await self.running.act("tts", "unload")).status_code == 200
        self.steady_until = time.time()

    async def shown(self, query: str) -> None:
        """Wait until a panel of all the time since the steady run began shows something.

        Raises TimeoutError.
        """
        async with asyncio.timeout(PATIENCE):
            ask = self.prometheus.between
            while not await ask(query, self.steady_from, time.time()):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def firing(self, alert: str, model: str) -> dict[str, str]:
        """Wait until an alert fires for a model, and return its labels."""
        query = f'ALERTS{{alertname="{alert}", model="{model}", alertstate="firing"}}'
        return (await self.prometheus.until(query))[0][0]

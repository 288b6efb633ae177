"""One service, alone or under the eyes of a real Prometheus."""

import shutil
import time
from pathlib import Path

import httpx
import psutil
import pytest_asyncio
import soundfile
from hurried import write_hurried
from own_ports import own_ports
from programs import program
from prometheus_server import Prometheus
from running import Running
from speech_requests import over_http

from greenroom.config import Policy, Settings
from greenroom.controller.backend_process import backend_processes
from greenroom.voices import voice

HERE = Path(__file__).parent
TO_LOOK, TO_ACT = "a-key-to-look-around", "a-key-to-act-by-hand"
POLICY = {
    "tts": Policy(offload_after=0.3, unload_after=-1),
    "fickle": Policy(offload_after=-1, unload_after=-1),
}


class Serving:
    """A running service with the speech models and the model `fickle`."""

    def __init__(self, running: Running, models: Path) -> None:
        self.running = running
        self.models = models
        self.web = running.web
        self._key = {"Authorization": f"Bearer {TO_ACT}"}
        self.web.headers.update(self._key)
        samples, rate = soundfile.read(voice("henry").path, dtype="float32", frames=16000)
        self._second = {"AUDIO": samples[None], "SAMPLE_RATE": rate}

    async def say(self) -> None:
        given = over_http(**self._second, TRANSCRIPT="And then", TEXT="Yes.")
        await self.running.http.infer("speech", given, headers=self._key)

    async def hear(self) -> None:
        await self.running.http.infer("asr", over_http(**self._second), headers=self._key)

    async def echo(self) -> httpx.Response:
        tensor = {"name": "INPUT", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}
        return await self.web.post("/v2/models/fickle/infer", json={"inputs": [tensor]})

    def process(self, model: str) -> psutil.Process:
        """Return the one process of a model."""
        (process,) = backend_processes(model, self.running.service.triton.prefix)
        return process


class Watched(Serving):
    """A service that Prometheus scrapes, and from when to when it ran as it should."""

    def __init__(self, serving: Serving, prometheus: Prometheus) -> None:
        super().__init__(serving.running, serving.models)
        self.prometheus = prometheus
        self.steady_from = time.time()
        self.steady_until = 0.0

    async def recorded(self, rule: str) -> None:
        """Wait until a rule has had a value."""
        await self.prometheus.until(f"max_over_time({rule}[5m]) >= 0")

    async def firing(self, alert: str, model: str) -> dict[str, str]:
        """Wait until an alert fires for a model, and return its labels."""
        query = f'ALERTS{{alertname="{alert}", model="{model}", alertstate="firing"}}'
        return (await self.prometheus.until(query))[0][0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(tmp_path_factory):
    """Return the service, which knows a key to look and a key to act."""
    folder = tmp_path_factory.mktemp("serving")
    for source in (Settings.model_fields["model_repository"].default, HERE / "models"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / "models", dirs_exist_ok=True, ignore=ignored)
    settings = Settings(
        **own_ports(),
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        voices_dir=folder / "voices",
        triton_exit_timeout=2,
        ui=False,
        api_keys=f"inference:{TO_LOOK},admin:{TO_ACT}",
        policy=POLICY,
    )
    async with Running(settings) as running:
        serving = Serving(running, folder / "models")
        for pinned in ("asr", "tokenizer"):
            await running.until(pinned, residency="hot")
        yield serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(serving, tmp_path_factory):
    """Return the service and its Prometheus after a steady run."""
    program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "key").write_text(TO_LOOK)
    settings = serving.running.settings
    targets = {
        "greenroom": f"127.0.0.1:{settings.http_port}",
        "triton": f"127.0.0.1:{settings.triton_metrics_port}",
    }
    config = write_hurried(folder, targets, folder / "key")
    async with Prometheus(config, own_ports()["http_port"]) as prometheus:
        await prometheus.until('sum(up) == 2 unless on () ALERTS{alertstate="firing"}')
        watched = Watched(serving, prometheus)
        await _steady_run(watched)
        watched.steady_until = time.time()
        yield watched


async def _steady_run(watched: Watched) -> None:
    """tts is cold, hot, warm, hot, warm and cold again, and Prometheus has seen it."""
    await watched.hear()
    await watched.hear()
    assert (await watched.echo()).status_code == 200
    await watched.say()
    await watched.running.until("tts", residency="warm")
    await watched.say()
    await watched.say()
    await watched.running.until("tts", residency="warm")
    for rule in ("request_seconds:p95_5m", "wake_seconds:p95_5m", "transition_seconds:p95_5m"):
        await watched.recorded(f"greenroom:{rule}")
    await watched.prometheus.until('triton:batch_size:mean5m{model="tts"} > 0')
    assert (await watched.running.act("tts", "unload")).status_code == 200

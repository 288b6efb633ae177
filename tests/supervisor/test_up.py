"""`greenroom up` as a process: how it begins and how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc.aio as triton_grpc

from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.supervisor.readiness import answers
from greenroom.triton.endpoints import endpoints
from greenroom.triton.key import GRPC_METADATA, triton_key
from greenroom.triton.leftovers import alive, regions, stubs
from greenroom.triton.region_prefix import region_prefix

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


@dataclass
class Up:
    process: asyncio.subprocess.Process
    settings: Settings

    async def load(self, model: str) -> None:
        async with self.client() as client:
            await client.load_model(model, headers={GRPC_METADATA: triton_key(self.settings)})

    def client(self) -> triton_grpc.InferenceServerClient:
        return triton_grpc.InferenceServerClient(endpoints(self.settings).grpc_target)

    def family(self) -> list[psutil.Process]:
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def left(self) -> list[object]:
        prefix = region_prefix(self.settings)
        return [*stubs(prefix), *regions(prefix)]


@pytest.fixture
async def up(free_settings, gate, request):
    settings = free_settings(**getattr(request, "param", {}))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        HERE / "up_with_stand_in.py",
        env=child_environment(settings, os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    line = (await process.stdout.readline()).decode()
    assert line.startswith(f"Greenroom is ready: HTTP http://127.0.0.1:{settings.http_port}, ")
    yield Up(process, settings)
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_everything_within_ten_seconds(up, number):
    await up.load("echo")
    family = up.family()
    assert len(family) == 4
    begun = time.monotonic()
    up.process.send_signal(number)
    assert await up.process.wait() == 0
    assert time.monotonic() - begun < 10
    assert not any(map(alive, family))
    assert not up.left()


async def test_it_goes_on_when_nobody_reads_its_output(free_settings, gate, wait_for):
    """Its log goes nowhere then; blocking or failing on it would stop Triton."""
    settings = free_settings()
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        HERE / "up_with_stand_in.py",
        env=child_environment(settings, os.environ),
        stdout=writing,
        stderr=writing,
    )
    os.close(writing)
    await answers(f"http://127.0.0.1:{settings.http_port}/readyz")
    running = Up(process, settings)
    await running.load("echo")
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert not running.left()


@pytest.mark.parametrize("up", [{"triton_exit_timeout": 7}], indirect=True)
async def test_a_second_signal_ends_even_a_hanging_request_at_once(up, gate, wait_for):
    await up.load("slow")
    family = up.family()
    stand_in = next(one for one in family if "/stand_in.py" in str(one.cmdline()))
    async with up.client() as client:
        tensor = triton_grpc.InferInput("INPUT", [1, 1], "FP32")
        tensor.set_data_from_numpy(np.zeros((1, 1), np.float32))
        request = asyncio.create_task(client.infer("slow", [tensor]))
        await wait_for(gate.with_suffix(".reached").exists)
        up.process.send_signal(signal.SIGINT)
        await wait_for(lambda: not alive(stand_in))
        up.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        assert await up.process.wait() == 0
        assert time.monotonic() - begun < up.settings.triton_exit_timeout
        await asyncio.wait({request})
    assert not any(map(alive, family))
    assert not up.left()


async def test_a_killed_supervisor_takes_its_children_along(up, wait_for):
    await up.load("echo")
    family = up.family()
    up.process.kill()
    await wait_for(lambda: not any(map(alive, family)))
    assert not up.left()


async def test_a_signal_during_the_start_ends_it(free_settings, wait_for):
    settings = free_settings()
    process = await asyncio.create_subprocess_exec(
        sys.executable, HERE / "up_with_stand_in.py", env=child_environment(settings, os.environ)
    )
    await wait_for((settings.runtime / "supervisor-triton.pid").exists)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert not (settings.runtime / "supervisor-triton.pid").exists()
    prefix = region_prefix(settings)
    assert not any(prefix in str(one.info["cmdline"]) for one in psutil.process_iter(["cmdline"]))

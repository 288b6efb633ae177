"""TritonServer on a real Triton: what it starts it ends, and it can start again."""

import asyncio
import os
import signal
import time

import aiohttp
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
from tritonclient.utils import InferenceServerException

from greenroom.addresses import connector
from greenroom.errors import SetupError
from greenroom.supervisor import TritonServer
from greenroom.supervisor.triton_server import stop_timeout
from greenroom.triton.key import GRPC_METADATA
from greenroom.triton.launch import LIVE
from greenroom.triton.leftovers import alive, regions, stubs

pytestmark = pytest.mark.slow


def request(value: float) -> triton_grpc.InferInput:
    tensor = triton_grpc.InferInput("INPUT", [1, 3], "FP32")
    return tensor.set_data_from_numpy(np.full((1, 3), value, np.float32))


async def test_stop_ends_the_server_its_models_and_their_regions(free_settings, gate):
    """Before its exit timeout: Triton by itself would wait for whoever is connected."""
    triton = TritonServer(free_settings(triton_exit_timeout=7))
    await triton.start()
    async with triton_grpc.InferenceServerClient(triton.grpc_address) as client:
        await client.load_model("relay", headers={GRPC_METADATA: triton.key})
    found = stubs(triton.prefix)
    assert len(found) == 2
    assert len(regions(triton.prefix)) == 2
    async with aiohttp.ClientSession(connector=connector(triton.endpoints.http_socket)) as web:
        await web.get(f"{triton.endpoints.http_url}{LIVE}")
        begun = time.monotonic()
        await triton.stop()
        assert time.monotonic() - begun < 7
    assert not triton.running
    assert not any(map(alive, found))
    assert not regions(triton.prefix)


async def test_stop_ends_a_request_that_hangs(triton, client, gate, wait_for):
    await client.load_model("slow", headers={GRPC_METADATA: triton.key})
    hanging = asyncio.create_task(client.infer("slow", [request(1)]))
    await wait_for(gate.with_suffix(".reached").exists)
    begun = time.monotonic()
    await triton.stop()
    assert time.monotonic() - begun < 10
    with pytest.raises(InferenceServerException):
        await hanging
    assert not stubs(triton.prefix)
    assert not regions(triton.prefix)


async def test_a_stopped_process_is_killed_after_the_exit_timeout(triton):
    os.kill(triton.pid, signal.SIGSTOP)
    begun = time.monotonic()
    await triton.stop()
    assert time.monotonic() - begun >= stop_timeout(triton.settings)
    assert await triton.wait() == -signal.SIGKILL


async def test_it_starts_again_without_the_models_and_regions_of_before(triton, client):
    await client.load_model("echo", headers={GRPC_METADATA: triton.key})
    (stub,) = stubs(triton.prefix)
    await triton.kill()
    await triton.start()
    assert not alive(stub)
    assert not regions(triton.prefix)
    assert not await client.is_model_ready("echo")


async def test_a_first_load_leaves_the_version_folder_as_it_was(triton, client):
    """Else the next load would start a second process beside the first (compileall)."""
    await client.load_model("echo", headers={GRPC_METADATA: triton.key})
    (before,) = stubs(triton.prefix)
    await client.load_model("echo", headers={GRPC_METADATA: triton.key})
    (after,) = stubs(triton.prefix)
    assert after.pid == before.pid


async def test_an_ensemble_hands_on_what_its_models_answer(triton, client):
    await client.load_model("relay", headers={GRPC_METADATA: triton.key})
    seconds = triton_grpc.InferInput("SECONDS", [1, 1], "FP32")
    seconds.set_data_from_numpy(np.zeros((1, 1), np.float32))
    answer = await client.infer("relay", [request(0.5), seconds])
    assert answer.as_numpy("RELAYED").tolist() == [[0.5, 0.5, 0.5]]


async def test_a_drawn_key_is_for_this_user_only_and_stays(free_settings):
    settings = free_settings()
    first = TritonServer(settings).key
    assert TritonServer(settings).key == first
    assert len(first) > 30
    assert (settings.runtime / "triton.key").stat().st_mode & 0o777 == 0o600


async def test_a_configured_key_is_not_written_down(free_settings):
    settings = free_settings(triton_key="sesame")
    assert TritonServer(settings).key == "sesame"
    assert not (settings.runtime / "triton.key").exists()


async def test_a_server_that_ends_at_once_is_reported_with_its_last_lines(free_settings, tmp_path):
    binary = tmp_path / "tritonserver"
    binary.write_text("#!/bin/sh\necho no such option\nexit 7\n")
    binary.chmod(0o755)
    with pytest.raises(SetupError, match=r"(?s)triton ended with exit status 7.*no such option"):
        await TritonServer(free_settings(tritonserver=binary)).start()


async def test_a_host_may_be_a_name(free_settings):
    async with TritonServer(free_settings(triton_host="localhost")) as server:
        assert server.running


async def test_a_missing_repository_is_named(free_settings, tmp_path):
    with pytest.raises(SetupError, match=r"The model repository .*/nowhere is not a folder"):
        await TritonServer(free_settings(model_repository=tmp_path / "nowhere")).start()

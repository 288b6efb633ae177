"""The controller's connection, against a real Triton."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc

from greenroom.controller.transitions import Transitions
from greenroom.errors import (
    GreenroomError,
    KeyRefused,
    ServerDown,
    TransitionFailed,
    TritonError,
    UnknownModel,
)
from greenroom.residency.states import Action, Residency
from greenroom.supervisor import TritonServer
from greenroom.triton.backend_processes import BackendProcesses, backend_processes
from greenroom.triton.client import Triton
from greenroom.triton.repository import Repository

REPORTING = Path(__file__).parent / "models"


@asynccontextmanager
async def connected(server, key=None):
    connection = Triton(server.grpc_address, key or server.key)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def connection(triton):
    async with connected(triton) as connection:
        yield connection


@pytest.fixture
async def on_ports(free_settings):
    """Return a Triton that listens on an address."""
    async with TritonServer(free_settings(triton_listen="127.0.0.1")) as server:
        yield server


async def echo(server):
    async with triton_grpc.InferenceServerClient(server.grpc_address) as client:
        tensor = triton_grpc.InferInput("INPUT", [1, 3], "FP32")
        tensor.set_data_from_numpy(np.ones((1, 3), np.float32))
        return (await client.infer("echo", [tensor])).as_numpy("OUTPUT")


async def test_no_proxy_is_asked_for_triton(on_ports, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with connected(on_ports) as connection:
        assert await connection.alive()


async def test_models_come_and_go_with_their_processes(triton, connection):
    await connection.ready()
    assert await connection.alive()
    assert (await connection.states()).get("echo") is not Residency.HOT
    await connection.load("echo")
    assert (await connection.states())["echo"] is Residency.HOT
    assert (await echo(triton)).tolist() == [[1, 1, 1]]
    (process,) = backend_processes("echo", triton.prefix)
    assert backend_processes("slow", triton.prefix) == []
    await connection.unload("echo")
    assert (await connection.states()).get("echo") is not Residency.HOT
    assert not process.is_running()


async def test_settled_waits_for_a_load_that_somebody_else_began(
    triton, connection, gate, wait_for
):
    loading = asyncio.create_task(connection.load("gated"))
    await wait_for(gate.with_suffix(".reached").exists)
    settled = asyncio.create_task(connection.settled("gated"))
    await connection.settled("echo")
    assert (await connection.states())["gated"] is Residency.LOADING
    assert not settled.done()
    gate.touch()
    await settled
    assert (await connection.states())["gated"] is Residency.HOT
    await loading


async def test_a_load_that_fails_has_tritons_words_without_the_traceback(connection):
    with pytest.raises(TritonError) as caught:
        await connection.load("broken")
    assert "weights.bin is not there." in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "At:" not in str(caught.value)
    assert caught.value.http_status == 400


async def test_a_model_that_triton_can_not_read_is_unknown(connection):
    with pytest.raises(UnknownModel, match="'nothing' cannot be read") as caught:
        await connection.load("nothing")
    assert caught.value.http_status == 404


async def test_the_index_is_closed_without_the_key(on_ports):
    async with connected(on_ports, key="wrong") as connection:
        with pytest.raises(KeyRefused, match=on_ports.grpc_address):
            await connection.index()


async def test_controls_of_a_model_that_takes_none_are_tritons_errors(connection):
    with pytest.raises(TritonError, match="unknown model"):
        await connection.control("echo", "report", 5)
    await connection.load("echo")
    with pytest.raises(TritonError, match="RESIDENCY"):
        await connection.control("echo", "report", 5)


async def test_a_killed_triton_is_lost_and_found_again(triton, connection, gate, wait_for):
    await connection.ready()
    lost = asyncio.create_task(connection.lost())
    loading = asyncio.create_task(connection.load("gated"))
    await wait_for(gate.with_suffix(".reached").exists)
    assert not lost.done()
    await triton.kill()
    with pytest.raises(ServerDown, match="Triton does not answer"):
        await loading
    await lost
    assert not await connection.alive()
    with pytest.raises(ServerDown):
        await connection.index()
    with pytest.raises(ServerDown):
        await connection.unload("gated")
    ready = asyncio.create_task(connection.ready())
    await triton.start()
    await ready
    assert await connection.alive()
    assert Residency.HOT not in (await connection.states()).values()


async def test_a_hanging_load_is_ended_and_the_model_can_be_loaded_again(
    triton, connection, gate, free_settings
):
    settings = free_settings(load_timeout=1, control_timeout=30)
    processes = BackendProcesses(triton.prefix)
    transitions = Transitions(settings, connection, processes)
    spec = Repository(*settings.model_repository).models["gated"]
    ended = await transitions.run("gated", Action.LOAD, spec)
    assert isinstance(ended.error, TransitionFailed)
    assert str(ended.error).endswith("load_timeout (1 s); its process was killed.")
    assert backend_processes("gated", triton.prefix) == []
    gate.touch()
    patient = Transitions(free_settings(control_timeout=30), connection, processes)
    again = await patient.run("gated", Action.LOAD, spec)
    assert again.error is None
    await processes.watch("gated")
    assert processes.resident_bytes("gated") > 10**6
    assert await processes.end("gated")
    assert processes.resident_bytes("gated") is None


async def test_a_reporting_model_is_offloaded_restored_and_refuses_in_its_own_words(
    tmp_path, free_settings
):
    repository = tmp_path / "models"
    shutil.copytree(REPORTING, repository)
    settings = free_settings(model_repository=repository)
    async with TritonServer(settings) as server, connected(server) as connection:
        await connection.load("reporting")
        report = await connection.control("reporting", "offload", 5)
        assert (report.residency, report.device_bytes) == ("warm", 0)
        report = await connection.control("reporting", "restore", 5)
        assert (report.residency, report.device_bytes) == ("hot", 64)
        (process,) = backend_processes("reporting", server.prefix)
        assert report.pid == process.pid
        report = await connection.control("reporting", "fail", 5)
        assert report.error == "offload left 64 bytes on the device; it must leave none."
        with pytest.raises(GreenroomError, match="Model reporting answered silence without a rep"):
            await connection.control("reporting", "silence", 5)

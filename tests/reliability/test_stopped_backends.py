"""A stopped process still holds its memory and never answers: it is killed and replaced."""

import asyncio

import pytest
from echo import echoed, grpc_inputs

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]


async def test_stopped_idle(faults):
    """Nobody asks for the model: the probe finds it, which is no use of the model."""
    await faults.load("puppet")
    before = (await faults.running.residency("puppet"))["idle_seconds"]
    pid = faults.stop("puppet")
    await faults.found()
    assert (await faults.running.residency("puppet"))["idle_seconds"] > before
    await faults.replaced("puppet", pid)
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs()))


async def test_stopped_with_four_requests_in_flight(faults):
    await faults.load("slow")
    loads = faults.loads("slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    faults.stop("slow")
    faults.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))
    assert faults.loads("slow") == loads + 1


async def test_stopped_below_requests_of_an_ensemble(faults):
    asked = faults.ask("relay")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    faults.stop("slow")
    faults.gate.touch()
    results = await asyncio.gather(*asked)
    assert all(echoed(result, name="RELAYED") for result in results)


async def test_stopped_while_warm(faults):
    await faults.load("puppet")
    await faults.warm("puppet")
    pid = faults.stop("puppet")
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs()))
    await faults.replaced("puppet", pid, residency="warm")


async def test_stopped_and_then_unloaded(faults):
    await faults.load("echo")
    faults.stop("echo")
    assert (await faults.running.act("echo", "unload")).json()["residency"] == "cold"

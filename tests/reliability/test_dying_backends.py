"""A model's process is killed, in whatever state: it heals once, and everyone is answered."""

import asyncio
import time

import pytest
from echo import echoed, grpc_inputs

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_killed_idle(faults):
    await faults.load("echo")
    loads, heals = faults.loads("echo"), await faults.metric("heals_total", model="echo")
    pid = faults.kill("echo")
    await faults.running.logged("The process of model echo is dead or stopped (it has ended)")
    await faults.replaced("echo", pid)
    assert faults.loads("echo") == loads + 1
    assert await faults.metric("heals_total", model="echo") == heals + 1
    await faults.running.logged("load echo (heal): cold -> hot")
    assert echoed(await faults.running.grpc.infer("echo", grpc_inputs()))
    assert (await faults.running.residency("echo"))["last_error"] is None


async def test_killed_with_four_requests_in_flight(faults):
    seconds = await faults.load("slow")
    loads = faults.loads("slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    faults.kill("slow")
    begun = time.monotonic()
    faults.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))
    assert time.monotonic() - begun < seconds + 3
    assert faults.loads("slow") == loads + 1


async def test_killed_with_requests_of_an_ensemble_in_flight(faults):
    asked = faults.ask("relay")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    loads = faults.loads("slow")
    faults.kill("slow")
    faults.gate.touch()
    results = await asyncio.gather(*asked)
    assert all(echoed(result, name="RELAYED") for result in results)
    assert faults.loads("slow") == loads + 1

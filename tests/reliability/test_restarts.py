"""Triton, the controller or both go away at a bad moment; each goes on where it was."""

import asyncio
import os
import signal

import pytest
from echo import echoed, grpc_inputs

from greenroom.triton.leftovers import regions

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]


async def controller_killed(faults):
    """Kill the controller; return when the next one answers."""
    running = faults.running
    before = running.count("controller | runs again")
    os.kill(running.service.programs[0].pid, signal.SIGKILL)
    while running.count("controller | runs again") == before:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_triton_restarted_behind_the_controllers_back(faults):
    await faults.load("echo")
    before = faults.running.count("triton | runs again")
    os.kill(faults.running.service.triton.pid, signal.SIGKILL)
    while faults.running.count("triton | runs again") == before:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert echoed(await faults.running.grpc.infer("echo", grpc_inputs(), client_timeout=30))
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs(), client_timeout=30))


async def test_a_triton_that_hangs_is_replaced_and_what_it_had_is_sent_again(faults):
    await faults.load("slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    os.kill(faults.running.service.triton.pid, signal.SIGSTOP)
    faults.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))


async def test_a_controller_killed_while_a_model_loads(faults):
    """Other models serve at once; the load goes on, and its requests wait for it."""
    await faults.load("echo")
    loads = faults.loads("gated")
    asked = faults.ask("gated", 1)
    await faults.reached()
    await controller_killed(faults)
    await asyncio.wait(asked)
    await faults.running.until("gated", residency="loading")
    assert echoed(await faults.running.grpc.infer("echo", grpc_inputs(), client_timeout=10))
    again = asyncio.create_task(faults.running.grpc.infer("gated", grpc_inputs()))
    await faults.running.until("gated", waiting=1)
    faults.gate.touch()
    assert echoed(await again)
    assert faults.loads("gated") == loads + 1


async def test_a_controller_killed_while_a_model_unloads(faults):
    """The request that holds the unload up still runs in Triton, whoever it belonged to."""
    await faults.load("slow")
    direct = asyncio.create_task(faults.running.direct_grpc.infer("slow", grpc_inputs()))
    await faults.reached()
    unload = asyncio.create_task(faults.running.act("slow", "unload"))
    await faults.running.until("slow", residency="unloading")
    await controller_killed(faults)
    await asyncio.wait([unload])
    await faults.running.until("slow", residency="unloading")
    again = asyncio.create_task(faults.running.grpc.infer("slow", grpc_inputs()))
    await faults.running.until("slow", waiting=1)
    faults.gate.touch()
    assert echoed(await direct)
    assert echoed(await again)


async def test_a_controller_killed_with_requests_in_flight(faults):
    """An unload that is sent meanwhile queues behind what still runs in Triton."""
    await faults.load("slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    await controller_killed(faults)
    await asyncio.wait(asked)
    await faults.running.until("slow", residency="hot")
    unload = asyncio.create_task(faults.running.act("slow", "unload"))
    await faults.running.until("slow", residency="unloading")
    faults.gate.touch()
    assert (await unload).json()["residency"] == "cold"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_process_broken_while_there_is_no_controller(faults, number):
    await faults.load("puppet")
    pid = faults.pid("puppet")
    for region in regions(faults.prefix):
        os.utime(region, (0, 0))  # so old that it belongs to no process which is being started
    os.kill(faults.running.service.programs[0].pid, signal.SIGSTOP)
    os.kill(pid, number)
    await controller_killed(faults)
    await faults.replaced("puppet", pid)
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs()))


async def test_a_warm_model_is_known_to_be_warm_by_the_next_controller(faults):
    await faults.load("puppet")
    assert (await faults.running.act("puppet", "offload")).status_code == 200
    await controller_killed(faults)
    await faults.running.until("puppet", residency="warm")

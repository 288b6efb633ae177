"""Loads that fail, again and again or at a bad moment, leave nothing behind."""

import asyncio

import psutil
import pytest

from greenroom.triton.leftovers import alive, stubs

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

TIMES, MODELS = 50, 10


async def test_a_load_that_fails_fifty_times_leaks_nothing(faults):
    async def fail_all():
        loads = [faults.running.act(f"broken{number}", "load") for number in range(MODELS)]
        for answer in await asyncio.gather(*loads):
            assert "weights.bin is not there." in answer.json()["error"]

    service = faults.running.service
    watched = [psutil.Process(p) for p in (service.triton.pid, service.programs[0].pid)]

    def held():
        return [(process.num_fds(), process.num_threads()) for process in watched]

    await fail_all()
    before = held()
    for _ in range(TIMES // MODELS):
        await fail_all()
    assert not faults.left()
    for (files, threads), (files_then, threads_then) in zip(held(), before, strict=True):
        assert files <= files_then + 3
        assert threads <= threads_then + 3


async def test_a_service_that_is_stopped_while_a_model_loads_leaves_nothing(faults):
    asked = faults.ask("gated", 2)
    await faults.reached()
    service = faults.running.service
    processes = [psutil.Process(p) for p in (service.triton.pid, service.programs[0].pid)]
    processes += stubs(service.triton.prefix)
    async with asyncio.timeout(10):
        await service.stop()
    assert not any(map(alive, processes))
    assert not faults.left()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Exception) for answer in answers)
    await service.start()

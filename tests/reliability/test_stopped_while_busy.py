"""A service that is stopped answers what it has begun, refuses the rest and leaves nothing."""

import asyncio

import psutil
from echo import echoed, grpc_inputs, http_inputs
from faults import Faults
from tritonclient.utils import InferenceServerException

from greenroom.triton.leftovers import alive, stubs


async def test_six_requests_in_flight_are_answered_and_new_ones_refused(start, gate):
    running = await start()
    faults, service = Faults(running, gate), running.service
    asked = faults.ask("slow", 6)
    await running.until("slow", leases=6)
    await faults.reached()
    processes = [psutil.Process(p) for p in (service.triton.pid, service.programs[0].pid)]
    processes += stubs(service.triton.prefix)
    stopping = asyncio.create_task(service.stop())
    await running.logged("Draining")
    late = (
        running.grpc.infer("slow", grpc_inputs()),
        running.grpc.infer("echo", grpc_inputs()),
        running.http.infer("slow", http_inputs()),
        running.http.infer("echo", http_inputs()),
    )
    refused = await asyncio.gather(*late, return_exceptions=True)
    assert all(isinstance(answer, InferenceServerException) for answer in refused)
    assert all("shutting down" in str(answer) for answer in refused)
    assert (await running.act("echo", "load")).status_code == 503
    assert not any(task.done() for task in (stopping, *asked))
    gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))
    async with asyncio.timeout(10):
        await stopping
    assert not any(map(alive, processes))
    assert not faults.left()
    assert running.count("Traceback") == 0

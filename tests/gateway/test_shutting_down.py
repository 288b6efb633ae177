"""Who still waits when the controller is told to end gets an answer."""

import asyncio
import os
import signal

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from echo import echoed, grpc_inputs, http_inputs
from tritonclient.utils import InferenceServerException


async def test_manual_actions_and_listeners_are_answered_at_the_end(start):
    running = await start()
    listening = asyncio.Event()

    async def listen():
        async with running.web.stream("GET", "/residency/events") as answer:
            listening.set()
            return [line async for line in answer.aiter_lines()]

    events = asyncio.create_task(listen())
    await listening.wait()
    by_hand = asyncio.create_task(running.act("gated", "load"))
    by_grpc = asyncio.create_task(running.grpc.load_model("gated"))
    await running.until("gated", residency="loading")
    os.kill(running.service.programs[0].pid, signal.SIGTERM)
    answer = await by_hand
    assert (answer.status_code, "shutting down" in answer.text) == (503, True)
    with pytest.raises(InferenceServerException, match="shutting down"):
        await by_grpc
    assert not any("shutting" in line for line in await events)  # it ended, and not in the middle
    await running.logged("controller | ended")
    assert running.count("Traceback") == 0


async def test_running_requests_have_the_time_that_was_given(start):
    """Longer than the usual time of an end, for the supervisor too; no timer takes their model."""
    at_once = {"offload_after": 0, "unload_after": 0}
    running = await start(drain_timeout=20, policy={"slow": at_once})
    seconds = triton_grpc.InferInput("SECONDS", (1, 1), "FP32")
    seconds.set_data_from_numpy(np.array([[4.0]], np.float32))
    asked = asyncio.create_task(running.grpc.infer("slow", [*grpc_inputs(), seconds]))
    await running.until("slow", leases=1)
    stopping = asyncio.create_task(running.service.stop())
    await running.logged("Draining")
    assert (await running.web.get("/readyz")).status_code == 503
    with pytest.raises(InferenceServerException, match="shutting down"):
        await running.http.infer("echo", http_inputs())
    assert echoed(await asked)
    await stopping
    assert running.count("Traceback") == 0


async def test_what_still_runs_then_is_told_and_logged(start):
    """Over both protocols, in a stream, and while the body still comes."""
    running = await start(drain_timeout=0.5)
    await running.act("slow", "load")
    port = running.settings.http_port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /v2/models/echo/infer HTTP/1.1\r\nhost: localhost\r\n")
    writer.write(b"content-type: application/json\r\ncontent-length: 9\r\n\r\n{")

    async def streamed():
        async def once():
            yield {"model_name": "slow", "inputs": grpc_inputs()}

        async for _, error in running.grpc.stream_infer(once()):
            raise error

    asked = [
        asyncio.create_task(one)
        for one in (
            running.http.infer("slow", http_inputs()),
            running.grpc.infer("slow", grpc_inputs()),
            streamed(),
        )
    ]
    await running.until("slow", leases=3)
    await running.service.stop()
    for one in asked:
        with pytest.raises(InferenceServerException, match="shutting down"):
            await one
    assert b" 503 " in await reader.readline()
    writer.close()
    await running.logged("3 requests still ran after drain_timeout (0.5 s) and were cut off: 3 of")
    await running.logged("POST /v2/models/echo/infer was cut off")
    assert running.count("Traceback") == 0
    assert running.count("ERROR") == 0

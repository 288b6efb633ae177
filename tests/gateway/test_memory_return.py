"""What a burst of large bodies took is given back."""

import asyncio

import numpy as np
import psutil
import tritonclient.http.aio as triton_http

MIB = 2**20


async def test_memory_goes_back_after_a_burst(start, wait_for):
    running = await start()
    tensor = triton_http.InferInput("INPUT", (1, MIB), "FP32")
    tensor.set_data_from_numpy(np.ones((1, MIB), np.float32))
    await running.http.infer("echo", [tensor])
    gateway = psutil.Process(running.service.programs[0].pid)
    before = gateway.memory_info().rss
    await asyncio.gather(*(running.http.infer("echo", [tensor]) for _ in range(30)))
    await wait_for(lambda: gateway.memory_info().rss < before + 10 * MIB)

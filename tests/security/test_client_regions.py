"""Clients register no shared memory unless it is switched on, and never Triton's own."""

import pytest
import tritonclient.utils.shared_memory as shared_memory
from echo import SAMPLES, echoed, grpc_inputs
from tritonclient.utils import InferenceServerException

from greenroom.triton.leftovers import regions

KEY = "/greenroom-client-attack"
OFF = "GREENROOM_SHARED_MEMORY=true switches it on"
CUDA = {"raw_handle": {"b64": "AAAA"}, "device_id": 0, "byte_size": 64}


async def refusals(running, key, byte_size=64):
    """Yield how both protocols refuse to register a region of that key."""
    for client in running.http, running.grpc:
        with pytest.raises(InferenceServerException) as refused:
            await client.register_system_shared_memory("r", key, byte_size)
        yield refused.value.message()


async def test_it_is_off(start):
    running = await start()
    assert [OFF in said async for said in refusals(running, KEY)] == [True, True]
    answer = await running.web.post("/v2/cudasharedmemory/region/r/register", json=CUDA)
    assert (answer.status_code, OFF in answer.text) == (403, True)
    with pytest.raises(InferenceServerException, match="switches it on"):
        await running.grpc.register_cuda_shared_memory("r", b"x" * 64, 0, 64)
    assert await running.http.get_system_shared_memory_status() == []


async def test_switched_on_only_clients_names_are_taken(start):
    running = await start(shared_memory=True)
    await running.act("echo", "load")
    own = [path.name for path in regions(running.service.triton.prefix)]
    assert own
    other = ("/x", "greenroom-client-", "/greenroom-client-a/../x", "/greenroom-client-a\0", "")
    for key in (*own, *(f"/{name}" for name in own), *other):
        said = [message async for message in refusals(running, key)]
        assert all("it must be greenroom-client-" in message for message in said), said
    for size in -1, 2**63:
        body = {"key": KEY, "offset": 0, "byte_size": size}
        answer = await running.web.post("/v2/systemsharedmemory/region/r/register", json=body)
        assert answer.status_code == 400, answer.text
    twice = f'{{"key":"/{own[0]}","key":"{KEY}","offset":0,"byte_size":64}}'
    answer = await running.web.post("/v2/systemsharedmemory/region/r/register", content=twice)
    assert answer.status_code == 400, answer.text
    region = shared_memory.create_shared_memory_region("r", KEY, SAMPLES.nbytes)
    try:
        shared_memory.set_shared_memory_region(region, [SAMPLES])
        await running.grpc.register_system_shared_memory("r", KEY, SAMPLES.nbytes)
        inputs = grpc_inputs()
        inputs[0].set_shared_memory("r", SAMPLES.nbytes)
        assert echoed(await running.grpc.infer("echo", inputs))
        await running.grpc.unregister_system_shared_memory("r")
    finally:
        shared_memory.destroy_shared_memory_region(region)

"""A model's process is killed, in whatever state: it heals once, and everyone is answered."""

import asyncio
import time

import pytest
from echo import SAMPLES, echoed, grpc_inputs
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]


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
    loads, heals = faults.loads("slow"), await faults.metric("heals_total", model="slow")
    asked = faults.ask("slow")
    await faults.running.until("slow", leases=4)
    await faults.reached()
    faults.kill("slow")
    begun = time.monotonic()
    faults.gate.touch()
    assert all(map(echoed, await asyncio.gather(*asked)))
    assert time.monotonic() - begun < seconds + 3
    assert faults.loads("slow") == loads + 1
    assert await faults.metric("heals_total", model="slow") == heals + 1


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


async def test_a_step_killed_below_requests_that_do_not_need_it_yet(faults):
    """`echo` is the last step: it is replaced while they are still in the first."""
    asked = faults.ask("relay")
    await faults.running.until("echo", leases=4)
    await faults.reached()
    pid = faults.kill("echo")
    await faults.replaced("echo", pid)
    faults.gate.touch()
    results = await asyncio.gather(*asked)
    assert all(echoed(result, name="RELAYED") for result in results)


async def test_killed_with_requests_of_a_stream_in_flight(faults):
    await faults.load("slow")
    asked = asyncio.create_task(faults.streamed("slow", 3))
    await faults.running.until("slow", leases=3)
    await faults.reached()
    faults.kill("slow")
    faults.gate.touch()
    answers = await asked
    assert len(answers) == 3
    assert all(error is None and echoed(result) for result, error in answers)


async def test_killed_in_the_middle_of_a_streamed_answer(faults):
    """What has begun to arrive is not begun anew; the next request is served."""
    await faults.load("drops")
    received = asyncio.Queue()
    asked = asyncio.create_task(faults.streamed("drops", 1, received))
    result, error = await received.get()
    assert error is None
    assert echoed(result)
    pid = faults.kill("drops")
    _, error = await received.get()
    assert "The model process drops died in the middle of its answer." in str(error)
    await asked
    faults.gate.touch()
    await faults.replaced("drops", pid)
    answers = await faults.streamed("drops", 1)
    assert len(answers) == 2
    await faults.running.until("drops", leases=0)


async def test_killed_while_warm(faults):
    await faults.load("puppet")
    await faults.warm("puppet")
    pid = faults.kill("puppet")
    await faults.replaced("puppet", pid, residency="warm")
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs()))


async def test_killed_while_warm_by_hand(faults):
    """It stays away until it is asked for: nothing but a request undoes what was done by hand."""
    await faults.load("puppet")
    assert (await faults.running.act("puppet", "offload")).status_code == 200
    faults.kill("puppet")
    await faults.running.until("puppet", residency="cold")
    assert echoed(await faults.running.grpc.infer("puppet", grpc_inputs()))


async def test_killed_while_restoring(faults):
    await faults.load("puppet")
    await faults.warm("puppet")
    loads = faults.loads("puppet")
    with faults.holding("restore"):
        asked = faults.ask("puppet")
        await faults.running.until("puppet", residency="restoring", waiting=4)
        faults.kill("puppet")
        assert all(map(echoed, await asyncio.gather(*asked)))
    assert faults.loads("puppet") == loads + 1


async def test_killed_while_offloading(faults):
    await faults.load("puppet")
    with faults.holding("offload"):
        offload = asyncio.create_task(faults.running.act("puppet", "offload"))
        await faults.running.until("puppet", residency="offloading")
        pid = faults.kill("puppet")
        await faults.replaced("puppet", pid, residency="offloading")
    assert (await offload).json()["residency"] == "warm"


async def test_killed_while_loading(faults):
    """It is loaded once more; then who waited is told, and the next request tries again."""
    asked = faults.ask("gated")
    await faults.reached()
    await faults.running.until("gated", waiting=4)
    faults.gate.with_suffix(".reached").unlink()
    faults.kill("gated")
    await faults.reached()
    faults.kill("gated")
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, InferenceServerException) for answer in answers)
    assert all(
        "The process of model gated died while it was being loaded." in str(answer)
        for answer in answers
    )
    faults.gate.touch()
    assert echoed(await faults.running.grpc.infer("gated", grpc_inputs()))


async def test_killed_while_unloading(faults):
    """Triton would wait for ever for a request that only Triton knows of."""
    await faults.load("slow")
    direct = asyncio.create_task(faults.running.direct_grpc.infer("slow", grpc_inputs()))
    await faults.reached()
    unload = asyncio.create_task(faults.running.act("slow", "unload"))
    await faults.running.until("slow", residency="unloading")
    faults.kill("slow")
    assert (await unload).status_code == 200
    faults.gate.touch()
    assert echoed(await faults.running.grpc.infer("slow", grpc_inputs()))
    await asyncio.wait([direct])


async def test_a_request_that_kills_its_process_twice_is_refused(faults):
    await faults.load("deadly")
    loads = faults.loads("deadly")
    answer = await faults.running.web.post("/v2/models/deadly/infer", json=faults.json())
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert answer.json()["error"] == (
        "The model process deadly died while it ran this request, and again when the request was "
        "repeated; it is being restarted."
    )
    with pytest.raises(InferenceServerException, match="again when the request was") as refused:
        await faults.running.grpc.infer("deadly", grpc_inputs(SAMPLES))
    assert refused.value.status() == "StatusCode.UNAVAILABLE"
    await faults.running.until("deadly", residency="hot", leases=0)
    assert faults.loads("deadly") == loads + 4


@pytest.mark.parametrize("verb", ["load", "touch", "unload"])
async def test_verbs_during_a_heal_are_answered(faults, verb):
    await faults.load("echo")
    faults.kill("echo")
    await faults.found()
    answer = await faults.running.act("echo", verb)
    assert answer.status_code == 200
    assert answer.json()["residency"] == ("cold" if verb == "unload" else "hot")

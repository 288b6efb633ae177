"""Many load and unload one model at the same time, by both protocols and both kinds of call."""

import asyncio
import random

import pytest
from echo import echoed, grpc_inputs, http_inputs
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

POLICY = "/residency/gated"


def asked_by_all_ways(running, model, verb):
    """Begin the same verb by /residency and by both protocols' repository calls."""

    async def by_hand():
        answer = await running.act(model, verb)
        assert answer.status_code == 200, answer.text

    by_http = getattr(running.http, f"{verb}_model")
    by_grpc = getattr(running.grpc, f"{verb}_model")
    calls = (by_hand(), by_hand(), by_http(model), by_grpc(model))
    return [asyncio.create_task(call) for call in calls]


async def arrived(faults, model, count):
    """Wait until so many requests of a model wait: what was sent before them is there too."""
    asked = faults.ask(model, count)
    await faults.running.until(model, waiting=count)
    return asked


async def test_loaded_by_all_ways_at_once(faults):
    loads = faults.loads("gated")
    asked = asked_by_all_ways(faults.running, "gated", "load")
    await faults.reached()
    requests = await arrived(faults, "gated", 2)
    assert not any(task.done() for task in asked)
    faults.gate.touch()
    await asyncio.gather(*asked)
    assert all(map(echoed, await asyncio.gather(*requests)))
    assert faults.loads("gated") == loads + 1
    assert faults.pid("gated")


async def test_unloaded_by_all_ways_while_it_loads(faults):
    """The load is answered, who waited first is served, and then the model goes."""
    loads = faults.loads("gated")
    load = asyncio.create_task(faults.running.act("gated", "load"))
    await faults.reached()
    requests = await arrived(faults, "gated", 4)
    asked = asked_by_all_ways(faults.running, "gated", "unload")
    await faults.running.until("gated", residency="loading")
    assert not any(task.done() for task in asked)
    faults.gate.touch()
    assert (await load).status_code == 200
    assert all(map(echoed, await asyncio.gather(*requests)))
    await asyncio.gather(*asked)
    assert (await faults.running.residency("gated"))["residency"] == "cold"
    assert faults.loads("gated") == loads + 1


async def test_loaded_by_all_ways_while_it_unloads(faults):
    """A request that only Triton knows of holds the unload up."""
    await faults.load("slow")
    pid, loads = faults.pid("slow"), faults.loads("slow")
    direct = asyncio.create_task(faults.running.direct_grpc.infer("slow", grpc_inputs()))
    await faults.reached()
    unload = asyncio.create_task(faults.running.act("slow", "unload"))
    await faults.running.until("slow", residency="unloading")
    asked = asked_by_all_ways(faults.running, "slow", "load")
    requests = await arrived(faults, "slow", 2)
    assert faults.pid("slow") == pid
    assert not any(task.done() for task in (unload, *asked))
    faults.gate.touch()
    assert echoed(await direct)
    assert (await unload).status_code == 200
    await asyncio.gather(*asked)
    assert all(map(echoed, await asyncio.gather(*requests)))
    assert faults.loads("slow") == loads + 1
    assert faults.pid("slow") != pid


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_the_only_place_is_free_again_when_its_client_has_left(faults, protocol):
    running = faults.running
    before = (await running.residency("gated"))["policy"]["max_waiting"]
    assert (await running.web.patch(POLICY, json={"max_waiting": 1})).status_code == 200
    try:
        infer, inputs = {
            "http": (running.http.infer, http_inputs()),
            "grpc": (running.grpc.infer, grpc_inputs()),
        }[protocol]
        only = asyncio.create_task(infer("gated", inputs))
        await running.until("gated", waiting=1)
        with pytest.raises(InferenceServerException, match=r"max_waiting \(1\)"):
            await infer("gated", inputs)
        only.cancel()
        await running.until("gated", waiting=0, residency="loading")
        (asked,) = await arrived(faults, "gated", 1)
        faults.gate.touch()
        assert echoed(await asked)
    finally:
        await running.web.patch(POLICY, json={"max_waiting": before})


async def load_and_unload(faults, clients, times):
    """Let clients load and unload the model `alone` as they like; it must be right in the end."""
    running, model = faults.running, "alone"
    verbs = [lambda verb=verb: running.act(model, verb) for verb in ("load", "unload")] + [
        lambda call=call: call(model)
        for client in (running.http, running.grpc)
        for call in (client.load_model, client.unload_model)
    ]

    async def client(number):
        chosen = random.Random(number)
        for _ in range(times):
            answer = await chosen.choice(verbs)()
            assert answer is None or answer.status_code == 200, answer.text

    triton, loads = running.service.triton.pid, faults.loads(model)
    restarts = running.count("runs again")
    await asyncio.gather(*map(client, range(clients)))
    assert 0 < faults.loads(model) - loads < clients * times / 4, "they join"
    assert (running.service.triton.pid, running.count("runs again")) == (triton, restarts)
    assert (await running.act(model, "load")).json()["residency"] == "hot"
    assert faults.pid(model)
    assert echoed(await running.grpc.infer(model, grpc_inputs()))
    assert (await running.act(model, "unload")).json()["residency"] == "cold"


async def test_loaded_and_unloaded_by_eight_clients_at_once(faults):
    await load_and_unload(faults, clients=8, times=4)


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_loaded_and_unloaded_by_thirty_two_clients_at_once(faults):
    await load_and_unload(faults, clients=32, times=64)

"""Models with weights, and room on the GPU for one of them at a time."""

import asyncio
import os
import signal
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import pytest_asyncio
from faults import Faults
from managed_models import weight_model
from running import Running
from tritonclient.utils import InferenceServerException

from greenroom.residency.policy import Policy
from greenroom.supervisor.ports import free_settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE = 8 * 2**20
NEVER = Policy(offload_after=-1, unload_after=-1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def serving(tmp_path_factory):
    """Return a service with the models `first` and `second`, and `torn`, which cannot load."""
    folder = tmp_path_factory.mktemp("room")
    repository = folder / "models"
    names = ("first", "second", "torn")
    models = {name: weight_model(repository, name, SIZE, seed=ord(name[0])) for name in names}
    models["torn"].checkpoint.write_bytes(bytes(SIZE))
    (folder / "ensembles").mkdir()
    settings = free_settings(
        runtime_dir=folder / "runtime",
        model_repository=repository,
        ensemble_repository=folder / "ensembles",
        triton_exit_timeout=2,
        gpu_budget_bytes=SIZE * 3 // 2,
        gpu_reserve_bytes=0,
        gpu_activation_bytes=0,
        policy=dict.fromkeys(names, NEVER),
    )
    async with Running(settings) as running:
        faults = Faults(running, folder / "gate")
        yield SimpleNamespace(running=running, faults=faults, **models)
        await faults.unload_all()
        async with asyncio.timeout(10):
            while faults.left():  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def ask(serving, model, number=7, **options):
    """Begin a request of which the answer is looked at."""

    async def asked():
        answer = await serving.running.grpc.infer(model.name, model.inputs(number, **options))
        assert answer.as_numpy("SUM").item() == model.answer(number)
        return answer.as_numpy("PID").item()

    return asyncio.create_task(asked())


@contextmanager
def standing_still(serving, model):
    """Let a model's process do nothing until the block ends."""
    pid = serving.faults.stop(model.name)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGCONT)


async def begun(serving, model, verb, residency):
    task = asyncio.create_task(serving.running.act(model.name, verb))
    await serving.running.until(model.name, residency=residency)
    return task


async def transitions(serving):
    """Return how many transitions of which kind there were of which model."""
    text = (await serving.running.web.get("/metrics")).text
    lines = [line for line in text.splitlines() if line.startswith("greenroom_transitions_total")]
    return sorted(lines)


async def test_requests_during_an_offload_wait_and_then_restore(serving):
    await serving.faults.load("first")
    with standing_still(serving, serving.first) as pid:
        offload = await begun(serving, serving.first, "offload", "offloading")
        asked = [ask(serving, serving.first, number) for number in range(3)]
        await serving.running.until("first", residency="offloading", waiting=3, leases=0)
    assert set(await asyncio.gather(*asked)) == {pid}
    assert (await offload).status_code == 200
    actions = [line for line in serving.running.lines if " first (" in line][-2:]
    assert ["offload first" in actions[0], "restore first" in actions[1]] == [True, True]


async def test_a_leased_model_is_neither_offloaded_nor_unloaded(serving):
    """Its policy, somebody by hand, and another model's request want it gone."""
    running = serving.running
    await serving.faults.load("first")
    long = ask(serving, serving.first, seconds=1.0)
    await running.until("first", leases=1)
    await running.web.patch("/residency/first", json={"offload_after": 0})
    offload = asyncio.create_task(running.act("first", "offload"))
    other = ask(serving, serving.second)
    await running.until("second", waiting=1)
    looks = 0
    while True:
        models = (await running.web.get("/residency")).json()["models"]
        shown, second = models["first"], models["second"]
        if not shown["leases"]:
            break
        assert (shown["residency"], shown["device_bytes"] >= SIZE) == ("hot", True)
        assert second["residency"] in ("cold", "warm")
        looks += 1
    assert looks > 3
    await asyncio.gather(long, other)
    assert (await offload).json()["residency"] == "warm"
    await running.web.patch("/residency/first", json={"offload_after": -1})


async def test_all_who_wait_for_a_swap_that_fails_are_told(serving):
    """`first` has made room for a model that cannot be loaded, and comes back unharmed."""
    await serving.faults.load("first")
    pid = serving.faults.pid("first")
    asked = [ask(serving, serving.torn) for _ in range(8)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, InferenceServerException) for answer in answers)
    assert len({str(answer) for answer in answers}) == 1
    shown = await serving.running.until("torn", residency="cold", waiting=0, leases=0)
    assert shown["last_error"] in str(answers[0])
    assert (await serving.running.residency("first"))["residency"] == "warm"
    assert await ask(serving, serving.first) == pid


async def test_unloaded_by_hand_while_it_makes_room(serving):
    """Whichever of the two comes first, both are done, and the model can be had again."""
    await serving.faults.load("first")
    with standing_still(serving, serving.first) as pid:
        others = [ask(serving, serving.second, number) for number in range(4)]
        await serving.running.until("first", residency="offloading")
        unload = asyncio.create_task(serving.running.act("first", "unload"))
        await serving.running.until("second", waiting=4)
        assert not unload.done()
    await asyncio.gather(*others)
    assert (await unload).json()["residency"] == "cold"
    await serving.running.until("second", residency="hot", leases=0)
    assert await ask(serving, serving.first) != pid
    await serving.running.until("second", residency="warm")


async def test_room_is_wanted_of_a_model_that_is_being_unloaded_by_hand(serving):
    await serving.faults.load("first")
    evictions = serving.running.count("first (evict)")
    with standing_still(serving, serving.first):
        unload = await begun(serving, serving.first, "unload", "unloading")
        other = ask(serving, serving.second)
        await serving.running.until("second", waiting=1)
        assert (await serving.running.residency("second"))["residency"] in ("cold", "warm")
    await other
    assert (await unload).json()["residency"] == "cold"
    assert serving.running.count("first (evict)") == evictions


async def test_questions_wake_no_model_and_are_no_use_of_one(serving):
    running = serving.running
    await serving.faults.load("first")
    assert (await running.act("first", "offload")).json()["residency"] == "warm"
    await running.act("second", "unload")
    http, grpc = running.http, running.grpc
    paths = ("/metrics", "/healthz", "/readyz", "/residency", "/v2", "/v2/models/stats")
    questions = [lambda path=path: running.web.get(path) for path in (*paths, "/v1/models")]
    for client in (http, grpc):
        questions += [client.is_server_live, client.is_server_ready, client.get_server_metadata]
        questions += [client.get_model_repository_index, client.get_inference_statistics]
        for call in (client.is_model_ready, client.get_model_metadata, client.get_model_config):
            questions += [lambda call=call, name=name: call(name) for name in ("first", "second")]
        questions.append(lambda client=client: client.get_inference_statistics("first"))
    before, idle, pid = await transitions(serving), 0.0, serving.faults.pid("first")
    for question in questions:
        await question()
        shown = await running.residency("first")
        assert (shown["residency"], shown["device_bytes"]) == ("warm", 0)
        assert shown["idle_seconds"] > idle
        idle = shown["idle_seconds"]
    for client in (http, grpc):
        with pytest.raises(InferenceServerException):  # of a cold model there are none
            await client.get_inference_statistics("second")
    assert (await running.residency("first"))["idle_seconds"] > idle
    assert (await running.residency("second"))["residency"] == "cold"
    assert await transitions(serving) == before
    assert serving.faults.pid("first") == pid
    assert len(running.stubs()) == 1

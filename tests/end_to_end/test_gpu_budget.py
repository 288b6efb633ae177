"""A budget for two of three models with real weights. Real Triton, real memory."""

import asyncio
import os
import re
import signal

import psutil
import pytest
import pytest_asyncio
from managed_models import weight_model
from running import Running
from tritonclient.utils import InferenceServerException

from greenroom.residency.policy import Policy
from greenroom.supervisor.ports import free_settings

SIZE = 48 * 2**20
BUDGET = 2 * SIZE + SIZE // 2
NEVER = Policy(offload_after=-1, unload_after=-1)
NAMES = ("a", "b", "c")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowded(tmp_path_factory):
    """Return a service with three models, of which two fit, and the models."""
    folder = tmp_path_factory.mktemp("crowded")
    models = {
        name: weight_model(folder / "models", name, SIZE, seed=seed)
        for seed, name in enumerate(NAMES)
    }
    (folder / "ensembles").mkdir()
    settings = free_settings(
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        ensemble_repository=folder / "ensembles",
        triton_exit_timeout=2,
        gpu_budget_bytes=BUDGET,
        gpu_activation_bytes=0,
        max_overtaken=2,
        policy=dict.fromkeys(NAMES, NEVER),
    )
    async with Running(settings) as running:
        yield running, models


async def used(crowded, name, number=7, **given):
    running, models = crowded
    result = await running.grpc.infer(name, models[name].inputs(number, **given))
    assert result.as_numpy("SUM").item() == models[name].answer(number)


def resident(pid):
    return psutil.Process(pid).memory_info().rss


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_least_recently_used_makes_room_and_its_bytes_are_really_gone(crowded):
    running, _ = crowded
    for name in ("a", "b"):
        await used(crowded, name)
    before = await running.residency("a")
    was = resident(before["pid"])
    await used(crowded, "b")
    await used(crowded, "c")
    shown = {name: await running.residency(name) for name in NAMES}
    assert [shown[name]["residency"] for name in NAMES] == ["warm", "hot", "hot"]
    assert before["device_bytes"] >= SIZE
    assert shown["a"]["device_bytes"] == 0
    assert was - resident(shown["a"]["pid"]) >= 0.99 * SIZE
    budget = (await running.web.get("/residency")).json()["budget"]
    assert budget["budget_bytes"] == BUDGET
    assert budget["held_bytes"] == sum(shown[name]["device_bytes"] for name in NAMES) <= BUDGET
    assert all(need >= SIZE for need in budget["needs"].values())
    await used(crowded, "a")


async def test_a_model_in_use_is_waited_for_and_gives_way_in_the_end(crowded):
    running, _ = crowded
    for name in ("a", "b"):
        await used(crowded, name)

    async def keep_using(name):
        while not served.done():
            await used(crowded, name, seconds=0.2)

    served = asyncio.create_task(used(crowded, "c"))
    using = [asyncio.create_task(keep_using(name)) for name in ("a", "b", "a", "b")]
    await asyncio.wait_for(served, 30)
    await asyncio.gather(*using)
    evictions = [line for line in running.lines if "(evict)" in line]
    assert all("-> warm" in line for line in evictions)


async def test_two_pinned_models_leave_no_room_for_a_third(crowded):
    running, models = crowded
    try:
        for name in ("a", "b"):
            changed = await running.web.patch(f"/residency/{name}", json={"pinned": True})
            assert changed.json()["policy"]["pinned"] is True
            await running.until(name, residency="hot")
        with pytest.raises(InferenceServerException) as refused:
            await running.grpc.infer("c", models["c"].inputs(7))
        # What was never hot is estimated, somewhat higher than it turns out.
        numbers = r"a 48 MiB \(pinned\), b 48 MiB \(pinned\), c \d\d MiB need 1\d\d MiB"
        assert re.search(numbers, str(refused.value))
        third = await running.web.patch("/residency/c", json={"pinned": True})
        assert third.status_code == 503
        assert "unpin a model" in third.json()["error"]
        by_hand = await running.act("c", "load")
        assert by_hand.status_code == 503
    finally:
        for name in ("a", "b"):
            await running.web.patch(f"/residency/{name}", json={"pinned": False})
    await used(crowded, "c")


async def test_a_policy_that_can_not_be_is_told_why(crowded):
    running, _ = crowded
    for body, status, words in [
        ({"offload_after": -7}, 400, "'offload_after' of the policy is -7"),
        ({"colour": 7}, 400, "'colour'"),
        ([], 400, "JSON object"),
    ]:
        answer = await running.web.patch("/residency/a", json=body)
        assert (answer.status_code, words in answer.json()["error"]) == (status, True)
    assert (await running.web.patch("/residency/nothing", json={})).status_code == 404


async def test_needs_are_known_to_a_controller_that_was_killed(crowded):
    running, _ = crowded
    await used(crowded, "a")
    before = (await running.web.get("/residency")).json()["budget"]["needs"]
    os.kill(running.service.programs[0].pid, signal.SIGKILL)
    await running.logged("controller | runs again")
    await running.until("a", residency="hot")
    after = (await running.web.get("/residency")).json()["budget"]
    assert after["needs"] == before
    await used(crowded, "b")
    await used(crowded, "c")
    held = (await running.web.get("/residency")).json()["budget"]["held_bytes"]
    assert held <= BUDGET

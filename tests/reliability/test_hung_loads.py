"""A model's process that dies before its first word: Triton would wait for it for ever."""

import asyncio

import httpx
import pytest
from echo import SAMPLES

pytestmark = pytest.mark.asyncio(loop_scope="module")


def dies(faults, times, model="stillborn"):
    """Let the next processes of a model die as soon as they are started."""
    faults.gate.with_suffix(f".{model}").write_text(f"{times}\n")


async def ask(faults, model="stillborn"):
    return await faults.running.web.post(f"/v2/models/{model}/infer", json=faults.json())


async def test_who_waits_is_served_by_the_next_triton(faults):
    dies(faults, 1)
    restarts = faults.running.count("triton | is being restarted")
    answers = await asyncio.gather(*(ask(faults) for _ in range(4)))
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["data"] == SAMPLES.ravel().tolist()
    assert faults.running.count("triton | is being restarted") == restarts + 1


async def test_leases_of_other_models_have_a_moment_to_end(faults):
    await faults.load("slow")
    running = asyncio.create_task(ask(faults, "slow"))
    await faults.reached()
    dies(faults, 1)
    waiting = asyncio.create_task(ask(faults))
    readiness = await not_ready(faults)
    assert "stillborn died as soon as it was started, and Triton waits for it" in readiness
    faults.gate.touch()
    assert (await running).status_code == 200
    assert (await waiting).status_code == 200


async def not_ready(faults):
    """Wait until the service says why it is not ready."""
    while (answer := await faults.running.web.get("/readyz")).status_code == 200:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return answer.json()["error"]


@pytest.mark.long
async def test_one_that_always_dies_is_refused_and_held_back(faults):
    dies(faults, 100, "neverborn")
    answer = await ask(faults, "neverborn")
    assert (answer.status_code, "died as soon as" in answer.text) == (503, True)
    await faults.running.logged("triton | runs again")
    async with httpx.AsyncClient(base_url=faults.running.service.url, timeout=60) as web:
        while "another" not in answer.text:
            answer = await ask(faults, "neverborn")
            assert answer.status_code == 503
        assert (await web.get("/v2/models/neverborn/ready")).status_code == 503
        assert (await web.get("/readyz")).status_code == 200
    assert (await ask(faults, "echo")).status_code == 200

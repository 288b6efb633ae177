"""A request that kills is sent once more, alone, and then refused; nobody else is lost."""

import asyncio
import signal
from pathlib import Path

import pytest
from attacked import json_request

MODELS = Path(__file__).parent / "models"
OWN, TRITONS, BOTH = 1000, 2000, 3000


@pytest.fixture
async def running(start, tmp_path, monkeypatch):
    monkeypatch.setenv("GREENROOM_TEST_ASKED", str(tmp_path / "asked"))
    running = await start(model_repository=[MODELS, MODELS.parent.parent / "models"])
    await running.act("deadly", "load")
    return running


def infer(running, number, **fields):
    return running.web.post(
        "/v2/models/deadly/infer", json=json_request([1, 2], [number, 0], **fields)
    )


def asked(tmp_path, number):
    return (tmp_path / "asked").read_text().split().count(str(number))


@pytest.mark.parametrize(
    "number", [OWN + signal.SIGSEGV, OWN + signal.SIGABRT, TRITONS + signal.SIGFPE]
)
async def test_what_kills_twice_is_refused_and_the_others_are_served(running, tmp_path, number):
    killer = asyncio.create_task(infer(running, number, id="first"))
    others = [asyncio.create_task(infer(running, other)) for other in range(6)]
    answers = await asyncio.gather(*others)
    assert [answer.text for answer in answers if answer.is_error] == []
    assert [answer.json()["outputs"][0]["data"][0] for answer in answers] == list(range(6))
    refused = await killer
    assert refused.status_code == 400, refused.text
    name = signal.Signals(number % 1000).name
    assert f"ended with {name}; it is not sent again for 10 minutes" in refused.json()["error"]
    line = await running.logged("refused for 600 s")
    assert f"{name}; it is refused" in line
    assert "from 127.0.0.1 ('INPUT' FP32 [1, 2])" in line
    assert asked(tmp_path, number) == 2
    again = await infer(running, number, id="another")
    assert again.status_code == 400
    assert asked(tmp_path, number) == 2
    assert (await infer(running, 7)).status_code == 200


@pytest.mark.parametrize("number", [OWN + signal.SIGKILL, TRITONS + signal.SIGKILL])
async def test_an_end_from_outside_makes_no_suspects(running, tmp_path, number):
    answer = await infer(running, number)
    assert answer.status_code in (500, 503), answer.text
    assert asked(tmp_path, number) == 2
    assert not running.count("sent again alone")
    if number > TRITONS:  # a try that meets a Triton that is gone would be one of the two
        await running.times(3, "Triton is ready")
    assert (await infer(running, number)).status_code in (500, 503)
    assert asked(tmp_path, number) == 4


async def test_a_kill_by_which_triton_aborts_makes_none_of_those_of_other_models(
    running, gate, wait_for
):
    """Triton 2.51 aborts in one of six kills in mid-step.

    The process then held the lock of the memory that both share; Triton catches no lock_exception.
    """
    waits = asyncio.create_task(
        running.web.post("/v2/models/slow/infer", json=json_request([1, 1], [5.0]))
    )
    await running.until("slow", leases=1)
    await wait_for(gate.with_suffix(".reached").exists)
    killer = asyncio.create_task(infer(running, BOTH + signal.SIGABRT))
    await running.times(2, "Triton is ready")
    gate.touch()
    assert (await waits).json()["outputs"][0]["data"] == [5.0]
    assert not running.count("sent again alone")
    killer.cancel()

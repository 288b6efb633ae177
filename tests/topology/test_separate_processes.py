"""Triton, controller and page started apart, as in containers: users, folders, addresses, keys."""

import asyncio
import signal

import httpx
import pytest
from machine_fixture import ADMIN, TRITONS
from page_visitor import Visitor
from separate_part import as_user

from greenroom.triton.leftovers import regions

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]
TRITONS_USER, ANOTHER = 0, 1
SPEECH = {"model": "speech", "voice": "clara", "input": "Yes.", "response_format": "wav"}
TENSOR = {"name": "INPUT", "shape": [1, 2], "datatype": "FP32", "data": [1.5, 2.5]}


async def speaks(web):
    """Ask for speech; return by which start it came."""
    answer = await web.post("/v1/audio/speech", json=SPEECH)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"RIFF")
    return answer.headers["x-greenroom-start"]


async def answers(web):
    """Ask the model `puppet`, which returns its input."""
    answer = await web.post("/v2/models/puppet/infer", json={"inputs": [TENSOR]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"][0]["data"] == TENSOR["data"]


async def act(web, model, verb):
    answer = await web.post(f"/residency/{model}/{verb}")
    assert answer.status_code == 200, answer.text


def backend(triton):
    (found,) = triton.processes("/puppet/1/model.py")
    return found


def server(triton):
    return next(one for one in triton.processes("tritonserver") if one.name() == "tritonserver")


async def test_a_clone_works_cold_warm_and_hot(controlled, web):
    await controlled(ANOTHER)
    await act(web, "tts", "unload")
    assert await speaks(web) == "cold"
    assert await speaks(web) == "hot"
    await act(web, "tts", "offload")
    assert await speaks(web) == "warm"


async def test_the_page_shows_the_models_of_a_gateway_elsewhere(controlled, machine):
    async with machine.page("curtain-call-at-ten"):
        await controlled(TRITONS_USER)
        async with httpx.AsyncClient(base_url=machine.page_url, timeout=30) as visitor:
            login = {"username": "me", "password": "curtain-call-at-ten"}
            assert (await visitor.post("/en/login", data=login)).status_code == 200
            page = Visitor(visitor)
            numbers = {name: number for number, name, _ in await page.dependencies()}
            shown = await page.event(numbers["_look"], [])
    cards = shown["output"]["data"][0]
    assert 'data-model="tts"' in cards


async def test_keys_are_asked_for(controlled, triton, web):
    await controlled(TRITONS_USER)
    assert (await web.get("/residency", headers={"authorization": ""})).status_code == 401
    ports = triton.settings
    async with httpx.AsyncClient(base_url=f"http://{TRITONS}:{ports.triton_http_port}") as direct:
        assert (await direct.post("/v2/repository/index")).status_code == 403
        headers = {"authorization": f"Bearer {ADMIN}"}
        assert (await direct.post("/v2/repository/index", headers=headers)).status_code == 403


async def test_a_wrong_key_is_told_in_a_sentence(machine, triton, web):
    elsewhere = machine.folder / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o777)
    controller = machine.controller(ANOTHER, "another-key", elsewhere)
    controller.begin()
    grpc = machine.ports["triton_grpc_port"]
    sentence = f"Triton at {TRITONS}:{grpc} refuses the controller's key; set the same"
    await controller.said(f"{sentence} GREENROOM_TRITON_KEY for both.")
    answer = await web.get("/readyz")
    assert (answer.status_code, sentence in answer.text) == (503, True)
    await controller.stop()


async def test_a_second_controller_of_a_triton_is_refused(controlled, machine):
    await controlled(TRITONS_USER)
    second = machine.controller(TRITONS_USER)
    second.begin()
    await asyncio.to_thread(second.wait)
    assert "(controller, pid " in second.log.read_text()


async def test_the_same_user_replaces_a_stopped_backend(controlled, triton, web):
    await controlled(TRITONS_USER)
    await act(web, "puppet", "load")
    broken, before = backend(triton), server(triton)
    left = len(regions(prefix(triton)))
    broken.send_signal(signal.SIGSTOP)
    await answers(web)
    assert backend(triton) != broken
    assert server(triton) == before
    assert len(regions(prefix(triton))) == left


async def test_another_user_has_triton_restarted(controlled, triton, web):
    if not as_user(ANOTHER):
        pytest.skip("only root can start processes of several users")
    await controlled(ANOTHER)
    await act(web, "puppet", "load")
    before = server(triton)
    backend(triton).send_signal(signal.SIGSTOP)
    await answers(web)
    assert server(triton) != before
    await triton.said("The process of model puppet does not exit and cannot be killed from here")


async def test_a_triton_that_is_started_again_is_noticed(controlled, triton, web):
    controller = await controlled(ANOTHER)
    await act(web, "puppet", "load")
    server(triton).kill()
    await controller.said("Triton is gone; requests wait for it")
    await answers(web)


async def test_a_controller_that_is_started_again_goes_on(controlled, triton, web):
    controller = await controlled(TRITONS_USER)
    await act(web, "puppet", "load")
    await act(web, "puppet", "offload")
    hosted = backend(triton)
    (process,) = controller.processes("greenroom.gateway")
    process.kill()
    await controller.said("controller | runs again")
    models = (await web.get("/residency")).json()["models"]
    while models["puppet"]["residency"] != "warm":
        models = (await web.get("/residency")).json()["models"]
    await answers(web)
    assert backend(triton) == hosted


def prefix(triton):
    return (triton.settings.shared / "region.prefix").read_text()

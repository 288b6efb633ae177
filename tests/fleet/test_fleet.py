"""A small fleet, through all of its doors; `test_fleet_killed.py` maltreats it."""

import asyncio
import subprocess
import sys

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.grpc.aio as triton_grpc_aio
import tritonclient.http as triton_http
from small_fleet import INFERENCE, Fleet
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def allowed(**more: str) -> dict[str, str]:
    """A new one for each call: tritonclient writes into it."""
    return {"authorization": f"Bearer {INFERENCE}", **more}


def text(protocol, words: str):
    given = protocol.InferInput("TEXT", [1, 1], "BYTES")
    given.set_data_from_numpy(np.array([[words.encode()]], object))
    return [given]


def replicas_with(fleet: Fleet, model: str) -> list[str]:
    return [name for name, models in fleet.residency().items() if models[model] != "cold"]


@pytest.fixture
def nowhere(fleet: Fleet) -> None:
    """No replica has ``counter``. HTTP and gRPC have a router each, which hears late of the other's
    choices: what one of them loaded a moment ago, the other may load elsewhere."""
    with fleet.client() as client:
        for name in replicas_with(fleet, "counter"):
            done = client.post("/residency/counter/unload", params={"replica": name})
            assert done.json()["residency"] == "cold"


@pytest.mark.usefixtures("nowhere")
def test_a_models_requests_all_go_where_it_is(fleet: Fleet) -> None:
    with triton_http.InferenceServerClient(fleet.url.removeprefix("http://")) as client:
        for _ in range(8):
            answer = client.infer("counter", text(triton_http, "a b c"), headers=allowed())
            assert answer.as_numpy("WORDS").tolist() == [[3]]
    assert len(replicas_with(fleet, "counter")) == 1


@pytest.mark.usefixtures("nowhere")
def test_grpc_calls_are_answered_by_the_same_copy(fleet: Fleet) -> None:
    with triton_grpc.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as client:
        answer = client.infer("counter", text(triton_grpc, "a b"), headers=allowed())
        assert answer.as_numpy("WORDS").tolist() == [[2]]
        assert client.get_model_metadata("counter", headers=allowed()).name == "counter"
    assert len(replicas_with(fleet, "counter")) == 1


@pytest.mark.usefixtures("nowhere")
async def test_a_grpc_stream_goes_where_its_metadata_say(fleet: Fleet) -> None:
    async def requests():
        for words in ("a", "a b"):
            yield {"model_name": "counter", "inputs": text(triton_grpc_aio, words)}

    async with triton_grpc_aio.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as client:
        answers = client.stream_infer(requests(), headers=allowed(model="counter"))
        found = [result.as_numpy("WORDS").item() async for result, error in answers if not error]
    assert found == [1, 2]
    assert len(replicas_with(fleet, "counter")) == 1


@pytest.mark.usefixtures("nowhere")
async def test_a_burst_at_a_cold_model_through_both_doors_makes_one_copy(fleet: Fleet) -> None:
    async with (
        triton_grpc_aio.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as by_grpc,
        httpx.AsyncClient(base_url=fleet.url, headers=allowed(), timeout=120) as by_http,
    ):
        tensor = {"name": "TEXT", "datatype": "BYTES", "shape": [1, 1], "data": ["a b"]}
        asked = [
            by_http.post("/v2/models/counter/infer", json={"inputs": [tensor]}) for _ in range(8)
        ]
        words = text(triton_grpc_aio, "a b")
        asked += [by_grpc.infer("counter", words, headers=allowed()) for _ in range(8)]
        answers = await asyncio.gather(*asked)
    assert {one.status_code for one in answers[:8]} == {200}
    assert {one.as_numpy("WORDS").item() for one in answers[8:]} == {2}
    assert len(replicas_with(fleet, "counter")) == 1


def test_a_grpc_status_is_tritons(fleet: Fleet) -> None:
    with (
        triton_grpc.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as client,
        pytest.raises(InferenceServerException) as refused,
    ):
        client.infer("nobody", text(triton_grpc, "a"), headers=allowed())
    assert refused.value.status() == str(grpc.StatusCode.NOT_FOUND)
    assert "Traceback" not in refused.value.message()


def test_residency_is_that_of_all_and_of_each(fleet: Fleet) -> None:
    with fleet.client() as client:
        names = list(fleet.residency())
        assert len(names) == 2
        for name in names:
            chosen = {"replica": name}
            assert client.post("/residency/tally/load", params=chosen).json()["residency"] == "hot"
            assert "greenroom_model_residency" in client.get("/metrics", params=chosen).text
        assert replicas_with(fleet, "tally") == names
        targets = client.get("/fleet/targets").json()
        assert [target["labels"]["replica"] for target in targets] == sorted(names)


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/residency?replica=x", 404, "Replica 'x' is not in this fleet"),
        ("GET", "/metrics", 400, "is about one replica"),
        ("GET", "/residency/events", 400, "is about one replica"),
        ("PATCH", "/residency/tally", 400, "is about one replica"),
        ("DELETE", "/residency", 405, "Method Not Allowed"),
        ("POST", "/fleet/targets", 404, "Not Found"),
        ("GET", "/v2/models/nobody", 404, "nobody"),
        ("POST", "/residency/tally/load?replica=x", 404, "Replica 'x' is not in this fleet"),
    ],
)
def test_what_is_asked_wrongly(
    fleet: Fleet, method: str, path: str, status: int, said: str
) -> None:
    with fleet.client() as client:
        answer = client.request(method, path)
    assert (answer.status_code, said in answer.json()["error"]) == (status, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/residency"),
        ("GET", "/fleet/targets"),
        ("GET", "/metrics"),
        ("POST", "/residency/counter/load"),
        ("POST", "/v2/models/counter/infer"),
        ("GET", "/v1/audio/voices"),
    ],
)
def test_without_a_key_nothing_is_told(fleet: Fleet, method: str, path: str) -> None:
    with fleet.client(None) as client:
        assert client.request(method, path).status_code == 401
    with fleet.client(INFERENCE) as client:
        assert client.post("/residency/counter/unload").status_code == 403


def test_without_a_key_grpc_tells_nothing(fleet: Fleet) -> None:
    with (
        triton_grpc.InferenceServerClient(f"127.0.0.1:{fleet.grpc_port}") as client,
        pytest.raises(InferenceServerException) as refused,
    ):
        client.infer("counter", text(triton_grpc, "a"))
    assert refused.value.status() == str(grpc.StatusCode.UNAUTHENTICATED)


@pytest.mark.long  # Ray's client tries for 20 s
def test_without_its_token_ray_runs_no_job(fleet: Fleet) -> None:
    environment = {k: v for k, v in fleet.environment.items() if not k.startswith("RAY_")}
    code = (
        "import ray, sys; ray.init(sys.argv[1], namespace='serve'); "
        "print(ray.get(ray.remote(lambda: 'ran').remote()))"
    )
    address = f"127.0.0.1:{fleet.ray_port}"
    stranger = {**environment, "HOME": "/nonexistent", "RAY_gcs_rpc_server_connect_timeout_s": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, address], env=stranger, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "ran" not in done.stdout.split()


def test_status_shows_each_replica(fleet: Fleet) -> None:
    shown = fleet.command("status").stdout
    assert all(name in shown for name in fleet.residency())

"""Models that know nothing of Greenroom: they only load and unload."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
from echo import SAMPLES, grpc_inputs, http_inputs

FOREIGN = Path(__file__).parent.parent / "foreign"
SETTINGS = {"model_repository": FOREIGN, "ensemble_repository": None}
"""Of the service that the tests share to which no model needs to be new."""
SHARED = pytest.mark.asyncio(loop_scope="module")


@SHARED
@pytest.mark.parametrize(
    ("model", "factor", "needs"),
    [
        ("double", 2, ["double"]),
        ("unwritten", 2, ["unwritten"]),
        ("quadruple", 4, ["double", "unwritten"]),
    ],
)
async def test_a_request_loads_what_it_needs_and_an_idle_model_is_unloaded(
    running, model, factor, needs
):
    for name in needs:
        await running.change_policy(name, unload_after=0)
    result = await running.http.infer(model, http_inputs())
    assert np.array_equal(result.as_numpy("OUTPUT"), SAMPLES * factor)
    for name in needs:
        assert (await running.until(name, residency="cold"))["last_transition"]


@SHARED
async def test_a_decoupled_model_streams_under_one_lease(running):
    await running.change_policy("drip", unload_after=0)
    count = triton_grpc.InferInput("COUNT", [1], "INT32")
    count.set_data_from_numpy(np.array([3], np.int32))

    async def requests():
        yield {"model_name": "drip", "inputs": [count], "enable_empty_final_response": True}

    numbers = []
    async for result, error in running.grpc.stream_infer(requests()):
        assert error is None
        if (number := result.as_numpy("NUMBER")) is not None:
            numbers.append(number.item())
        if result.get_response().parameters["triton_final_response"].bool_param:
            break
    assert numbers == [0, 1, 2]
    await running.until("drip", residency="cold", leases=0)
    metrics = (await running.web.get("/metrics")).text
    assert 'requests_total{model="drip",outcome="served",protocol="grpc"} 1.0' in metrics


@SHARED
async def test_a_decoupled_model_streams_over_http_too(running):
    await running.change_policy("drip", unload_after=0)
    path = "/v2/models/drip/generate_stream"
    events = await running.web.post(path, json={"COUNT": 3})
    assert events.headers["content-type"] == "text/event-stream; charset=utf-8"
    shown = [json.loads(line[6:]) for line in events.text.split("\n\n") if line]
    assert [one["NUMBER"] for one in shown] == [0, 1, 2]
    refused = await running.web.post(path, json={"COUNT": "three"})
    assert (refused.status_code, "error" in refused.json()) == (400, True)
    await running.until("drip", residency="cold", leases=0)
    unknown = await running.web.post("/v2/models/nosuch/generate_stream", json={"COUNT": 3})
    assert unknown.status_code == 404


async def test_an_unwritten_config_is_asked_for_by_a_load_and_remembered(start):
    running = await start(**SETTINGS, policy={"unwritten": {"unload_after": 0}})
    first = await running.grpc.get_model_metadata("unwritten", as_json=True)
    assert first["inputs"] == [{"name": "INPUT", "datatype": "FP32", "shape": ["-1", "-1"]}]
    await running.until("unwritten", residency="cold")
    config = await running.http.get_model_config("unwritten")
    assert config["max_batch_size"] == 4
    assert config["backend"] == "python"
    assert await running.grpc.get_model_metadata("unwritten", as_json=True) == first
    assert running.count(" load unwritten (") == running.count(" unload unwritten (") == 1


async def test_a_config_that_an_inference_has_made_known_needs_no_other_load(start):
    running = await start(**SETTINGS, policy={"unwritten": {"unload_after": -1}})
    await running.grpc.infer("unwritten", grpc_inputs())
    hot = await asyncio.gather(
        running.http.get_model_metadata("unwritten"), running.http.get_model_config("unwritten")
    )
    await running.act("unwritten", "unload")
    cold = await asyncio.gather(
        running.http.get_model_metadata("unwritten"), running.http.get_model_config("unwritten")
    )
    assert cold == hot
    assert (await running.residency("unwritten"))["residency"] == "cold"

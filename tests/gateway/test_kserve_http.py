"""KServe v2 over HTTP, asked by an unmodified tritonclient, compared with Triton itself."""

import asyncio
import gzip
import json

import numpy as np
import pytest
import tritonclient.utils.shared_memory as shared_memory
from echo import SAMPLES, echoed, http_inputs
from tritonclient.http import InferRequestedOutput
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
SETTINGS = {"triton_listen": "127.0.0.1", "allow_load_overrides": True, "shared_memory": True}


@pytest.mark.parametrize("binary", [True, False])
async def test_a_cold_model_is_loaded_for_the_request(running, binary):
    asked = [InferRequestedOutput("OUTPUT", binary_data=binary)]
    result = await running.http.infer("echo", http_inputs(binary=binary), outputs=asked)
    assert echoed(result)
    assert (await running.residency("echo"))["residency"] == "hot"


async def test_compressed_requests_and_answers_pass(running):
    samples = np.zeros((1, 4096), np.float32)
    result = await running.http.infer(
        "echo",
        http_inputs(samples),
        request_compression_algorithm="gzip",
        response_compression_algorithm="deflate",
    )
    assert echoed(result, samples)


async def test_every_question_has_the_answer_that_triton_gives(running):
    await running.act("echo", "load")
    near, far = running.http, running.direct_http
    assert await near.is_server_live()
    assert await near.is_server_ready()
    assert await near.is_model_ready("echo")
    assert await near.get_server_metadata() == await far.get_server_metadata()
    assert await near.get_model_metadata("echo") == await far.get_model_metadata("echo")
    assert await near.get_model_config("echo") == await far.get_model_config("echo")
    assert await near.get_inference_statistics() == await far.get_inference_statistics()
    assert await near.get_trace_settings() == await far.get_trace_settings()
    assert await near.get_trace_settings("echo") == await far.get_trace_settings("echo")
    assert await near.get_log_settings() == await far.get_log_settings()
    await near.update_log_settings({"log_verbose_level": 1})
    assert (await far.get_log_settings())["log_verbose_level"] == 1
    await near.update_trace_settings("echo", {"trace_rate": "7"})
    assert (await far.get_trace_settings("echo"))["trace_rate"] == "7"


async def test_errors_are_those_of_triton(running):
    await running.act("echo", "load")
    wrong = {
        "no such model": ("nosuch", http_inputs()),
        "no such input": ("echo", http_inputs(name="NOSUCH")),
        "no batch dimension": ("echo", http_inputs(SAMPLES[0])),
    }
    for case, (model, inputs) in wrong.items():
        with pytest.raises(InferenceServerException) as near:
            await running.http.infer(model, inputs)
        with pytest.raises(InferenceServerException) as far:
            await running.direct_http.infer(model, inputs)
        assert (near.value.status(), near.value.message()) == (
            far.value.status(),
            far.value.message(),
        ), case


async def test_a_cold_model_tells_what_the_loaded_one_does(running):
    metadata = await running.http.get_model_metadata("echo")
    config = await running.http.get_model_config("echo")
    assert await running.http.is_model_ready("echo")
    assert (await running.residency("echo"))["residency"] == "cold"
    await running.act("echo", "load")
    assert metadata == await running.direct_http.get_model_metadata("echo")
    loaded = await running.direct_http.get_model_config("echo")
    for field in ("name", "backend", "max_batch_size", "input", "output"):
        assert config[field] == loaded[field], field


async def test_statistics_of_a_cold_model_are_not_found(running):
    with pytest.raises(InferenceServerException, match="echo"):
        await running.http.get_inference_statistics("echo")


async def test_the_repository_is_managed_through_the_controller(running):
    await running.http.load_model("echo")
    shown = {entry["name"]: entry for entry in await running.http.get_model_repository_index()}
    assert shown["echo"] == {
        "name": "echo",
        "version": "1",
        "state": "READY",
        "reason": "hot",
    }
    pid = [process.pid for process in running.stubs()]
    await running.http.load_model("echo")
    assert [process.pid for process in running.stubs()] == pid
    await running.http.unload_model("echo")
    shown = {entry["name"]: entry for entry in await running.http.get_model_repository_index()}
    assert (shown["echo"]["state"], shown["echo"]["reason"]) == ("UNAVAILABLE", "cold")
    assert not running.stubs()


async def test_a_load_with_another_config_is_a_new_load(running):
    await running.http.load_model("echo")
    config = await running.direct_http.get_model_config("echo")
    await running.http.load_model("echo", config=json.dumps({**config, "max_batch_size": 3}))
    assert (await running.http.get_model_config("echo"))["max_batch_size"] == 3
    assert len(running.stubs()) == 1


async def test_a_failed_load_says_why_without_a_traceback(running):
    with pytest.raises(InferenceServerException, match=r"weights\.bin is not there") as near:
        await running.http.load_model("broken")
    assert near.value.status() == "400"
    assert "At:" not in near.value.message()
    assert "model.py" not in near.value.message()


async def test_shared_memory_is_registered_and_used(running):
    size = SAMPLES.nbytes
    region = shared_memory.create_shared_memory_region("given", "/greenroom-client-given", size)
    try:
        shared_memory.set_shared_memory_region(region, [SAMPLES])
        await running.http.register_system_shared_memory("given", "/greenroom-client-given", size)
        status = await running.http.get_system_shared_memory_status()
        assert [entry["name"] for entry in status] == ["given"]
        inputs = http_inputs()
        inputs[0].set_shared_memory("given", size)
        assert echoed(await running.http.infer("echo", inputs))
        await running.http.unregister_system_shared_memory("given")
        assert await running.http.get_system_shared_memory_status() == []
    finally:
        shared_memory.destroy_shared_memory_region(region)


@pytest.mark.parametrize("hidden", [False, True])
async def test_a_client_may_not_send_the_control_input(running, hidden):
    name = "RESIDENC\\u0059" if hidden else "RESIDENCY"
    tensor = f'"name":"{name}","shape":[1,1],"datatype":"BYTES","data":["{{}}"]'
    body = f'{{"inputs":[{{{tensor}}}]}}'.encode()
    answer = await running.web.post("/v2/models/echo/infer", content=body)
    assert answer.status_code == 403
    assert "RESIDENCY" in answer.json()["error"]
    packed = {"content-encoding": "gzip"}
    answer = await running.web.post(
        "/v2/models/echo/infer", content=gzip.compress(body), headers=packed
    )
    assert answer.status_code == 403


@pytest.mark.asyncio(loop_scope="function")
async def test_bad_http_gets_a_sentence(start):
    running = await start(max_request_bytes=1000)
    post = running.web.post
    cases = [
        (await post("/v2/models/echo/infer", content=b"x" * 1001), 413, "max_request_bytes"),
        (await post("/v2/models/echo/infer", content=b"{"), 400, ""),
        (
            await post(
                "/v2/models/echo/infer",
                content=b"{}",
                headers={"inference-header-content-length": "9"},
            ),
            400,
            "Inference-Header-Content-Length",
        ),
        (await post("/v2/models/echo/explode"), 404, "/v2/models/echo/explode"),
        (await running.web.get("/v2/models/echo/infer"), 405, "GET"),
        (await post("/residency/nosuch/load"), 404, "nosuch"),
        (await post("/residency/echo/explode"), 400, "explode"),
        (await post("/residency/echo/offload"), 409, "RESIDENCY"),
        (await post("/v2/repository/models/echo/load", content=b"[]"), 400, "object"),
    ]
    for answer, status, word in cases:
        assert answer.status_code == status, answer.text
        assert word in answer.json()["error"]


async def test_a_client_that_leaves_while_it_waits_is_counted_as_cancelled(running):
    asked = asyncio.create_task(running.http.infer("gated", http_inputs()))
    await running.until("gated", waiting=1)
    asked.cancel()
    await asyncio.wait([asked])
    await running.until("gated", waiting=0)
    counted = 'requests_total{model="gated",outcome="cancelled",protocol="http"} 1.0'
    assert counted in (await running.web.get("/metrics")).text

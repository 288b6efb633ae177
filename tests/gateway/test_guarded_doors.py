"""A service with API keys: every door, unmodified clients, and nothing read before the key."""

import asyncio
import socket

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
from echo import SAMPLES, echoed, grpc_inputs, http_inputs
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

ADMIN_KEY, INFERENCE_KEY = "admins-key-0123456789", "inference-key-0123456789"
KEYS = f"admin:{ADMIN_KEY},inference:{INFERENCE_KEY}"
SETTINGS = {"api_keys": KEYS}
"""Of the service that most of these tests share."""
SHARED = pytest.mark.asyncio(loop_scope="module")
INFER = "/v2/models/echo/infer"


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def asking():
    """Return the inference key's header, anew each time: tritonclient adds to what it is given."""
    return bearer(INFERENCE_KEY)


def ruling():
    return bearer(ADMIN_KEY)


async def until_shown(running, **expected):
    while True:
        shown = (await running.web.get("/residency", headers=asking())).json()["models"]["echo"]
        if expected.items() <= shown.items():
            return
        await asyncio.sleep(0.01)


@SHARED
async def test_probes_are_open_and_all_else_wants_a_key_over_http(serving):
    get, post = serving.web.get, serving.web.post
    for path in (
        "/healthz",
        "/health/",
        "/readyz",
        "/readyz/",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/echo/ready",
    ):
        assert (await get(path)).status_code == 200, path
    assert (await get("/v2/models/nosuch/ready")).status_code == 400
    for path in ("/residency", "/residency/events", "/metrics", "/v2", "/v2/models/echo", "/x"):
        answer = await get(path)
        assert (answer.status_code, "API key" in answer.json()["error"]) == (401, True), path
        assert answer.headers["www-authenticate"] == 'Bearer realm="greenroom"'
    for path in ("/residency", "/metrics", "/v2", "/v2/models/echo"):
        assert (await get(path, headers=asking())).status_code == 200, path
    assert (await get("/x", headers=asking())).status_code == 404
    answer = await post("/v1/audio/speech", json={})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
    assert (await post("/v1/audio/speech", json={}, headers=asking())).status_code == 400
    for path in ("/residency/echo/load", "/v2/repository/models/echo/load", "/v2/logging"):
        assert (await post(path)).status_code == 401, path
        assert (await post(path, headers=bearer("x" * 20))).status_code == 401, path
        answer = await post(path, headers=asking())
        assert (answer.status_code, f"POST {path} needs" in answer.json()["error"]) == (403, True)
    assert (await post("/residency/echo/touch", headers=asking())).json()["residency"] == "hot"
    assert (await post("/residency/echo/unload", headers=ruling())).json()["residency"] == "cold"
    assert (await post("/v2/repository/index", headers=asking())).status_code == 200
    assert not any(key in line for key in (ADMIN_KEY, INFERENCE_KEY) for line in serving.lines)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_both_doors_listen_on_ipv6(start):
    running = await start(host="::1")
    assert running.service.url == f"http://[::1]:{running.settings.http_port}"
    assert (await running.web.get("/readyz")).status_code == 200
    async with triton_grpc.InferenceServerClient(f"[::1]:{running.settings.grpc_port}") as client:
        assert await client.is_server_live()


@SHARED
async def test_an_unmodified_http_client_sends_its_key_as_a_header(serving):
    client = serving.http
    with pytest.raises(InferenceServerException, match="API key"):
        await client.infer("echo", http_inputs())
    with pytest.raises(InferenceServerException, match="not valid here"):
        await client.infer("echo", http_inputs(), headers=bearer("x" * 20))
    assert echoed(await client.infer("echo", http_inputs(), headers=asking()))
    assert (await client.get_model_metadata("echo", headers=asking()))["name"] == "echo"
    with pytest.raises(InferenceServerException, match="scope admin"):
        await client.unload_model("echo", headers=asking())
    await client.unload_model("echo", headers=ruling())
    assert await client.is_server_ready()
    assert await client.is_model_ready("echo")


@SHARED
async def test_an_unmodified_grpc_client_sends_its_key_as_metadata(serving):
    client = serving.grpc
    with pytest.raises(InferenceServerException, match="API key") as refused:
        await client.infer("echo", grpc_inputs())
    assert refused.value.status() == "StatusCode.UNAUTHENTICATED"
    assert echoed(await client.infer("echo", grpc_inputs(), headers=asking()))
    assert (await client.get_model_metadata("echo", headers=asking())).name == "echo"
    with pytest.raises(InferenceServerException, match="RepositoryModelUnload needs") as refused:
        await client.unload_model("echo", headers=asking())
    assert refused.value.status() == "StatusCode.PERMISSION_DENIED"
    await client.unload_model("echo", headers=ruling())
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("echo")


@SHARED
async def test_streams_want_a_key_too(serving):
    async def requests():
        for number in range(3):
            inputs = grpc_inputs(SAMPLES + number)
            yield {"model_name": "echo", "inputs": inputs, "request_id": f"{number}"}

    async with grpc.aio.insecure_channel(f"127.0.0.1:{serving.settings.grpc_port}") as channel:
        # Not by writing: grpc.aio calls it an internal error if its stream ends while it writes.
        stream = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer()
        with pytest.raises(grpc.aio.AioRpcError, match="API key") as refused:
            await stream.read()
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    answers = serving.grpc.stream_infer(requests(), headers=asking())
    numbers = [result.get_response().id async for result, error in answers if error is None]
    assert sorted(numbers) == ["0", "1", "2"]
    await until_shown(serving, leases=0, waiting=0)


@SHARED
async def test_the_key_is_checked_before_anything_of_the_body_comes(serving):
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.settings.http_port)
        writer.write(
            f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n".encode()
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()
        large = pb.ModelInferRequest(model_name="echo")
        large.raw_input_contents.append(bytes(64 * 2**20))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{serving.settings.grpc_port}") as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.ModelInfer(large)
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert dict(refused.value.trailing_metadata())["www-authenticate"].startswith("Bearer")


async def test_keys_do_not_reach_triton(start):
    running = await start(api_keys=KEYS, triton_log_verbose=1)
    inputs = grpc_inputs(np.zeros((1, 4), np.float32))
    await running.grpc.infer("echo", inputs, headers=asking())
    await running.http.infer("echo", http_inputs(), headers=asking())
    await running.grpc.get_log_settings(headers=ruling())
    assert running.count("/v2/models/echo/infer") > 0
    assert not any(key in line for key in (ADMIN_KEY, INFERENCE_KEY) for line in running.lines)

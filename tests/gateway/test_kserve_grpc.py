"""KServe v2 over gRPC, asked by an unmodified tritonclient, compared with Triton itself."""

import asyncio

import grpc
import numpy as np
import pytest
from echo import SAMPLES, echoed, grpc_inputs
from tritonclient.grpc import InferInput, service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
FAILED, SERVED = (
    f'greenroom_requests_total{{model="echo",outcome="{outcome}",protocol="grpc"}}'
    for outcome in ("failed", "served")
)


async def test_a_cold_model_is_loaded_for_the_request(running):
    assert echoed(await running.grpc.infer("echo", grpc_inputs()))
    assert (await running.residency("echo"))["residency"] == "hot"


async def test_every_question_has_the_answer_that_triton_gives(running):
    await running.act("echo", "load")
    near, far = running.grpc, running.direct_grpc
    assert await near.is_server_live()
    assert await near.is_server_ready()
    assert await near.is_model_ready("echo")
    assert not await near.is_model_ready("nosuch")
    assert await near.get_server_metadata() == await far.get_server_metadata()
    assert await near.get_model_metadata("echo") == await far.get_model_metadata("echo")
    assert await near.get_model_config("echo") == await far.get_model_config("echo")
    assert await near.get_inference_statistics() == await far.get_inference_statistics()
    assert await near.get_trace_settings() == await far.get_trace_settings()
    assert await near.get_log_settings() == await far.get_log_settings()
    assert (
        await near.get_system_shared_memory_status() == await far.get_system_shared_memory_status()
    )
    assert await near.get_cuda_shared_memory_status() == await far.get_cuda_shared_memory_status()


async def test_errors_are_those_of_triton(running):
    await running.act("echo", "load")
    wrong = {
        "no such model": ("nosuch", grpc_inputs()),
        "no such input": ("echo", grpc_inputs(name="NOSUCH")),
        "no batch dimension": ("echo", grpc_inputs(SAMPLES[0])),
    }
    for case, (model, inputs) in wrong.items():
        with pytest.raises(InferenceServerException) as near:
            await running.grpc.infer(model, inputs)
        with pytest.raises(InferenceServerException) as far:
            await running.direct_grpc.infer(model, inputs)
        assert (near.value.status(), near.value.message()) == (
            far.value.status(),
            far.value.message(),
        ), case


async def test_a_cold_model_tells_what_the_loaded_one_does(running):
    metadata = await running.grpc.get_model_metadata("echo")
    config = (await running.grpc.get_model_config("echo")).config
    assert await running.grpc.is_model_ready("echo")
    assert (await running.residency("echo"))["residency"] == "cold"
    await running.act("echo", "load")
    assert metadata == await running.direct_grpc.get_model_metadata("echo")
    loaded = (await running.direct_grpc.get_model_config("echo")).config
    assert (config.name, config.max_batch_size) == (loaded.name, loaded.max_batch_size)
    assert list(config.input) == list(loaded.input)
    assert list(config.output) == list(loaded.output)


async def test_the_repository_is_managed_through_the_controller(running):
    await running.grpc.load_model("echo")
    index = await running.grpc.get_model_repository_index()
    shown = {entry.name: (entry.state, entry.reason) for entry in index.models}
    assert shown["echo"] == ("READY", "hot")
    await running.grpc.unload_model("echo")
    index = await running.grpc.get_model_repository_index()
    shown = {entry.name: (entry.state, entry.reason) for entry in index.models}
    assert shown["echo"] == ("UNAVAILABLE", "cold")


async def test_loading_and_unloading_an_ensemble_with_its_steps(running):
    await running.grpc.load_model("relay")
    assert len(running.stubs()) == 2
    await running.grpc.unload_model("relay", unload_dependents=True)
    assert not running.stubs()


async def test_a_failed_load_has_tritons_code(running):
    with pytest.raises(InferenceServerException, match=r"weights\.bin is not there") as near:
        await running.grpc.load_model("broken")
    assert near.value.status() == "StatusCode.INVALID_ARGUMENT"
    assert "At:" not in near.value.message()


async def test_a_client_may_not_send_the_control_input(running):
    tensor = InferInput("RESIDENCY", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[b"{}"]], dtype=object))
    with pytest.raises(InferenceServerException, match="RESIDENCY") as refused:
        await running.grpc.infer("echo", [*grpc_inputs(), tensor])
    assert refused.value.status() == "StatusCode.PERMISSION_DENIED"
    assert (await running.residency("echo"))["residency"] == "cold"


async def test_a_stream_carries_requests_for_several_models_and_is_answered_in_order(running):
    async def requests():
        for number, model in enumerate(["echo", "slow", "nosuch", "echo"]):
            inputs = grpc_inputs(SAMPLES + number)
            if model == "slow":
                seconds = InferInput("SECONDS", [1, 1], "FP32")
                seconds.set_data_from_numpy(np.full((1, 1), 0.01, np.float32))
                inputs.append(seconds)
            yield {"model_name": model, "inputs": inputs, "request_id": f"{number}"}

    answers = [answer async for answer in running.grpc.stream_infer(requests())]
    for number in (0, 1, 3):
        assert answers[number][0].get_response().id == f"{number}"
        assert echoed(answers[number][0], SAMPLES + number)
    assert "nosuch" in answers[2][1].message()
    assert len(answers) == 4
    await running.until("echo", leases=0)
    await running.until("slow", leases=0)


async def test_an_error_in_a_stream_names_its_request(running):
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}")
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    asked = service_pb2.ModelInferRequest(model_name="nosuch", id="seven")
    answers = [answer async for answer in stub.ModelStreamInfer(iter([asked]))]
    await channel.close()
    assert len(answers) == 1
    assert "nosuch" in answers[0].error_message
    assert answers[0].infer_response.id == "seven"


async def test_a_message_that_is_none_is_invalid(running):
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}")
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(b"\xff\xff\xff")
    await channel.close()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ModelInferRequest" in refused.value.details()


async def test_an_error_in_a_stream_counts_as_failed(running):
    before = await running.counted(FAILED)
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}")
    stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    asked = service_pb2.ModelInferRequest(model_name="echo")
    (answer,) = [answer async for answer in stub.ModelStreamInfer(iter([asked]))]
    await channel.close()
    assert answer.error_message
    assert await running.counted(FAILED) == before + 1


async def test_answers_that_are_not_read_hold_no_lease(running):
    before = await running.counted(SERVED)
    samples = np.zeros((1, 2**20), np.float32)
    large = service_pb2.ModelInferRequest(model_name="echo")
    large.inputs.add(name="INPUT", datatype="FP32", shape=samples.shape)
    large.raw_input_contents.append(samples.tobytes())
    unlimited = (("grpc.max_receive_message_length", -1),)
    address = f"127.0.0.1:{running.settings.grpc_port}"
    async with grpc.aio.insecure_channel(address, options=unlimited) as channel:
        stream = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer()
        for _ in range(10):
            await stream.write(large)
        await stream.done_writing()
        while await running.counted(SERVED) < before + 10:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await running.until("echo", leases=0)
        assert (await running.act("echo", "unload")).json()["residency"] == "cold"
        assert len([answer async for answer in stream]) == 10


async def test_garbage_is_invalid_in_every_call(running):
    methods = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        for method in set(methods) - {"ModelStreamInfer", "ServerLive", "ServerReady"}:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(f"/inference.GRPCInferenceService/{method}")(b"\xff\xff")
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, method

"""The standard gRPC services, asked by the clients that belong to them."""

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

TRITON = "inference.GRPCInferenceService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


async def test_health_of_the_service_and_of_each_model(start):
    running = await start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{running.settings.grpc_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def status(service):
            return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status

        watched = stub.Watch(health_pb2.HealthCheckRequest(service="broken"))
        assert (await watched.read()).status == SERVING
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nosuch"))
        assert (await unknown.read()).status == UNKNOWN
        assert [await status(name) for name in ("", TRITON, "echo")] == [SERVING] * 3
        with pytest.raises(grpc.aio.AioRpcError, match="nosuch") as refused:
            await status("nosuch")
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        assert (await running.act("broken", "load")).status_code >= 400
        assert (await watched.read()).status == NOT_SERVING
        assert await status("broken") == NOT_SERVING
        assert (await running.residency("echo"))["residency"] == "cold"
    await _reflects(running.settings.grpc_port)


async def _reflects(port):
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert {TRITON, "grpc.health.v1.Health"} <= set(database.get_services())
        service = DescriptorPool(database).FindServiceByName(TRITON)
        assert "ModelInfer" in service.methods_by_name
        for name in database.get_services():
            assert DescriptorPool(database).FindServiceByName(name).full_name == name
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")()
        await call.write(asked.SerializeToString())
        answer = reflection_pb2.ServerReflectionResponse.FromString(await call.read())
        assert len(answer.list_services_response.service) == 4
        await call.write(b"\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT

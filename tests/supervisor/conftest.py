"""Talking to the Triton of a launcher test."""

from collections.abc import AsyncIterator

import pytest
import tritonclient.grpc.aio as triton_grpc

from greenroom.supervisor import TritonServer


@pytest.fixture
async def client(triton: TritonServer) -> AsyncIterator[triton_grpc.InferenceServerClient]:
    async with triton_grpc.InferenceServerClient(triton.grpc_address) as client:
        yield client

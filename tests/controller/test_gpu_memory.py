"""Where the GPU's memory is read from."""

import asyncio

import pynvml
import pytest

from greenroom.controller import gpu_memory
from greenroom.controller.gpu_memory import GpuMemory
from greenroom.errors import ServerDown
from greenroom.residency.budget import MemoryReading
from greenroom.triton.metrics import gpu_memory as triton_memory

TWO = """\
# HELP nv_gpu_memory_total_bytes GPU total memory, in bytes
# TYPE nv_gpu_memory_total_bytes gauge
nv_gpu_memory_total_bytes{gpu_uuid="GPU-a"} 25769803776.000000
nv_gpu_memory_total_bytes{gpu_uuid="GPU-b"} 51539607552.000000
# HELP nv_gpu_memory_used_bytes GPU used memory, in bytes
# TYPE nv_gpu_memory_used_bytes gauge
nv_gpu_memory_used_bytes{gpu_uuid="GPU-a"} 1073741824.000000
nv_gpu_memory_used_bytes{gpu_uuid="GPU-b"} 2147483648.000000
"""
ONE = "\n".join(line for line in TWO.splitlines() if "GPU-b" not in line) + "\n"


@pytest.mark.parametrize(
    ("metrics", "index", "gib"), [(ONE, 0, (24, 1)), (ONE, 3, (24, 1)), (TWO, 1, (48, 2))]
)
def test_tritons_metrics_tell_the_gpus_memory(metrics, index, gib):
    total, used = triton_memory(metrics, index)
    assert (total / 2**30, used / 2**30) == gib


def test_a_triton_without_a_gpu_tells_of_none():
    metrics = "# TYPE nv_cpu_utilization gauge\nnv_cpu_utilization 0.1\n"
    assert triton_memory(metrics, 0) is None


async def served(body):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.fixture
def without_nvml(monkeypatch):
    def fail():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", fail)


async def test_without_nvml_triton_is_asked(without_nvml, free_settings):
    server = await served(ONE)
    async with server:
        port = server.sockets[0].getsockname()[1]
        memory = GpuMemory(free_settings(triton_metrics_port=port))
        reading = await memory.read(7.0)
        assert reading.total_bytes == 24 * 2**30
        assert (reading.at, reading.lag > 2) == (7.0, True)


async def test_a_triton_that_shows_no_gpu_is_asked_once(without_nvml, free_settings):
    server = await served("# TYPE nv_cpu_utilization gauge\nnv_cpu_utilization 0.1\n")
    async with server:
        memory = GpuMemory(free_settings(triton_metrics_port=server.sockets[0].getsockname()[1]))
        assert await memory.read(7.0) is None
    assert await memory.read(7.0) is None


async def test_a_triton_that_does_not_answer_yet_says_nothing_of_its_gpu(
    without_nvml, free_settings
):
    memory = GpuMemory(free_settings())
    with pytest.raises(ServerDown, match="metrics"):
        await memory.read(7.0)


async def test_nvml_counts_everything_that_is_not_free(monkeypatch, free_settings):
    class Info:
        total, free, used = 100, 30, 60

    def by_index(index):
        return f"handle {index}"

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,2")
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", by_index)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", {"handle 2": Info}.__getitem__)
    assert await GpuMemory(free_settings(gpu=1)).read(7.0) == MemoryReading(100, 70, 7.0)


async def test_no_gpu_is_visible_where_the_environment_hides_all(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    assert gpu_memory._device(0) is None

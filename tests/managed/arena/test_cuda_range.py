"""The range on a GPU: with a scripted driver everywhere, with the real one where there is one."""

import pytest
import scripted_cuda
import torch
from scripted_cuda import STEP
from torch import nn

from greenroom.errors import GreenroomError, OutOfMemory
from greenroom.managed.arena import Arena

NO_MEMORY = scripted_cuda.real.CUresult.CUDA_ERROR_OUT_OF_MEMORY
FAILED = scripted_cuda.real.CUresult.CUDA_ERROR_ILLEGAL_ADDRESS


@pytest.fixture
def driver(monkeypatch):
    return scripted_cuda.install(monkeypatch)


def layer():
    return nn.Linear(1024, 700)


def test_a_restore_is_one_mapping_and_an_offload_unmaps_it(driver):
    module = layer()
    weight = module.weight.clone()
    arena = Arena(module, "cuda")
    assert not driver.mapped
    for _ in range(3):
        driver.calls.clear()
        arena.restore()
        assert driver.calls == ["wait", "cuMemCreate", "cuMemMap", "cuMemRelease", "cuMemSetAccess"]
        assert arena.memory().device_bytes == sum(driver.mapped.values()) == 2 * STEP
        assert torch.equal(module.weight, weight)
        driver.calls.clear()
        arena.offload()
        assert driver.calls == ["wait", "cuMemUnmap", "empty_cache"]
        assert arena.memory().device_bytes == 0
    assert not driver.handles


def test_scratch_that_comes_later_has_a_mapping_of_its_own_until_the_next_restore(driver):
    arena = Arena(layer(), "cuda")
    arena.restore()
    address = arena.scratch((STEP,), torch.uint8).data_ptr()
    assert list(driver.mapped.values()) == [2 * STEP, STEP]
    assert driver.accessible == set(driver.mapped)
    arena.offload()
    assert not driver.mapped
    arena.restore()
    assert list(driver.mapped.values()) == [3 * STEP]
    (begin,) = driver.mapped
    assert begin < address < begin + 3 * STEP


@pytest.mark.parametrize("call", ["cuMemCreate", "cuMemMap", "cuMemSetAccess"])
@pytest.mark.parametrize(("status", "error"), [(NO_MEMORY, OutOfMemory), (FAILED, GreenroomError)])
def test_a_failed_restore_leaves_nothing_and_can_be_tried_again(driver, call, status, error):
    module = layer()
    weight = module.weight.clone()
    arena = Arena(module, "cuda")
    driver.fails[call] = status
    with pytest.raises(error, match=rf"{call}\(.*{2 * STEP}"):
        arena.restore()
    assert (driver.mapped, driver.handles) == ({}, {})
    assert not arena.hot
    driver.fails.clear()
    arena.restore()
    assert torch.equal(module.weight, weight)


def test_memory_that_can_not_be_pinned_is_used_as_it_is(driver, caplog):
    driver.fails["cuMemHostRegister"] = FAILED
    arena = Arena(layer(), "cuda")
    assert "The host copy is not pinned" in caplog.text
    arena.restore()
    arena.close()
    assert "cuMemHostUnregister" not in driver.calls


def test_a_closed_arena_gives_all_memory_back(driver):
    arena = Arena(layer(), "cuda")
    arena.restore()
    arena.close()
    assert (driver.mapped, driver.handles) == ({}, {})
    assert driver.calls[-1] == "cuMemHostUnregister"
    assert arena.memory().host_bytes == 0


@pytest.mark.gpu
def test_on_a_real_gpu_bits_addresses_and_a_captured_graph_stay():
    module = nn.Sequential(nn.Linear(512, 512), nn.Tanh(), nn.Linear(512, 512))
    arena = Arena(module, "cuda")
    arena.restore()
    x = torch.randn(4, 512, device="cuda")
    with torch.inference_mode():
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            module(x)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = module(x)
        graph.replay()
        torch.cuda.synchronize()
        before = y.clone()
        for _ in range(5):
            arena.offload()
            assert arena.memory().device_bytes == 0
            arena.restore()
            y.zero_()
            graph.replay()
            torch.cuda.synchronize()
            assert torch.equal(y, before)
            assert torch.equal(module(x), before)
    arena.close()

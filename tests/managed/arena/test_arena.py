"""Modules in an arena: what they compute and hold before and after it has moved them."""

import copy
import gc
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from greenroom.errors import OutOfMemory, SetupError
from greenroom.managed.arena import Arena

DTYPES = (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16,
    torch.uint32, torch.uint64, torch.float16, torch.bfloat16, torch.float32, torch.float64,
    torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2,
)  # fmt: skip


class Odd(nn.Module):
    """Whatever a module may hold."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight
        self.norm = nn.BatchNorm1d(16)
        self.recurrent = nn.LSTM(16, 16)
        wide = torch.randn(16, 40)
        self.register_buffer("columns", wide[:, 3:19])
        self.register_buffer("overlapping", wide[:, 10:30])
        self.register_buffer("turned", torch.randn(16, 16).t())
        self.register_buffer("spread", torch.randn(16, 1).expand(16, 16))
        self.register_buffer("scale", torch.tensor(0.5, dtype=torch.float64))
        self.register_buffer("empty", torch.empty(0, 7), persistent=False)

    def forward(self, x):
        x, _ = self.recurrent(self.norm(self.embedding(x)))
        x = x @ self.columns @ self.turned.float() @ self.spread * self.scale
        return self.head(x.float())


def odd():
    torch.manual_seed(0)
    return Odd().eval()


def run(module):
    with torch.inference_mode():
        return module(torch.arange(50))


def raw(tensor):
    bits = tensor.detach().clone(memory_format=torch.contiguous_format)
    return bits.view(-1).view(torch.uint8)


def proportional():
    """Return this process's bytes in memory, each page counted once."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(rollup.split("Pss:")[1].split()[0]) * 1024


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_the_answer_is_the_same_bit_for_bit_through_many_cycles():
    module = odd()
    before = run(module)
    arena = Arena(module)
    for _ in range(10):
        arena.restore()
        assert torch.equal(run(module), before)
        arena.offload()


def test_tensors_keep_their_objects_addresses_ties_views_and_strides():
    module = odd()
    held = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    strides = {name: tensor.stride() for name, tensor in held.items()}
    arena = Arena(module)
    addresses = {name: tensor.data_ptr() for name, tensor in held.items()}
    for _ in range(2):
        arena.restore()
        now = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        assert all(now[name] is held[name] for name in held)
        assert {name: tensor.data_ptr() for name, tensor in now.items()} == addresses
        assert {name: tensor.stride() for name, tensor in now.items()} == strides
        arena.offload()
    arena.restore()
    assert module.head.weight is module.embedding.weight
    module.columns[0, 7] = 42.0
    assert module.overlapping[0, 0] == 42.0


def test_modules_from_the_meta_device_are_filled_and_stay_tied():
    source = odd()
    with torch.device("meta"):
        module = Odd().eval()
    arena = Arena(module)
    arena.read(module, source.state_dict())
    arena.restore()
    assert torch.equal(run(module), run(source))
    assert module.head.weight is module.embedding.weight
    assert all(weight is getattr(module.recurrent, name) for weight, name in zip(
        module.recurrent._flat_weights, module.recurrent._flat_weights_names, strict=True
    ))  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_keeps_its_bits(dtype):
    module = nn.Module()
    module.register_buffer("some", torch.randint(0, 2, (3, 16), dtype=torch.uint8).view(dtype))
    module.register_buffer("odd", torch.randint(0, 2, (16,), dtype=torch.uint8).view(dtype)[1:])
    before = [raw(buffer).clone() for buffer in module.buffers()]
    arena = Arena(module)
    arena.restore()
    assert [buffer.dtype for buffer in module.buffers()] == [dtype, dtype]
    for buffer, bits in zip(module.buffers(), before, strict=True):
        assert torch.equal(raw(buffer), bits)


@st.composite
def tensors(draw):
    """Tensors of any shape, several of them views of one another."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 5), max_size=4))
    base = torch.randint(0, 2, (torch.Size(shape).numel() * dtype.itemsize,), dtype=torch.uint8)
    base = base.view(dtype).view(shape)
    made = [base]
    for _ in range(draw(st.integers(0, 3))):
        view = draw(st.sampled_from(made))
        if view.dim() and draw(st.booleans()):
            dimension = draw(st.integers(0, view.dim() - 1))
            start = draw(st.integers(0, view.shape[dimension]))
            view = view.narrow(dimension, start, view.shape[dimension] - start)
        if view.dim() > 1 and draw(st.booleans()):
            view = view.transpose(0, -1)
        if draw(st.booleans()):
            view = view.unsqueeze(-1).expand(*view.shape, 2)
        made.append(view)
    return draw(st.lists(st.sampled_from(made), min_size=1, unique_by=id))


@settings(max_examples=150, deadline=None)
@given(st.lists(tensors(), min_size=1, max_size=4))
def test_any_tensors_keep_their_bits_shapes_and_overlaps(groups):
    module = nn.Module()
    for rank, tensor in enumerate(tensor for group in groups for tensor in group):
        module.register_buffer(f"b{rank}", tensor)
    before = copy.deepcopy([raw(buffer) for buffer in module.buffers()])
    shapes = [(buffer.shape, buffer.stride()) for buffer in module.buffers()]
    apart = [_distances(group) for group in groups]
    arena = Arena(module)
    for _ in range(2):
        arena.restore()
        assert [(buffer.shape, buffer.stride()) for buffer in module.buffers()] == shapes
        assert all(map(torch.equal, map(raw, module.buffers()), before))
        assert [_distances(group) for group in groups] == apart
        arena.offload()


def _distances(group):
    """Return how far the tensors of a group are from each other, where they overlap."""
    extents = [(each.data_ptr(), each.data_ptr() + _reach(each)) for each in group if each.numel()]
    return [
        (i, j, b[0] - a[0])
        for i, a in enumerate(extents)
        for j, b in enumerate(extents)
        if a[0] <= b[0] < a[1]
    ]


def _reach(tensor):
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    return (1 + sum((size - 1) * stride for size, stride in steps)) * tensor.itemsize


def test_tensors_shared_by_several_modules_are_held_once():
    first, second = nn.Linear(512, 512), nn.Linear(512, 512)
    second.weight = first.weight
    arena = Arena([first, second])
    arena.restore()
    assert first.weight is second.weight
    assert arena.memory().device_bytes < 1.5 * 512 * 512 * 4


def test_an_offload_leaves_nothing_and_memory_is_measured():
    size = 64 * 2**20
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(size // 4))
    arena = Arena(module)
    assert arena.memory().device_bytes == 0
    warm = resident()
    for _ in range(2):
        arena.restore()
        assert arena.memory().device_bytes == arena.memory().host_bytes == size
        assert module.weight.sum() == size // 4
        assert resident() - warm >= 0.99 * size
        arena.offload()
        assert arena.memory().device_bytes == 0
        assert resident() - warm <= 0.01 * size
        assert arena.memory().host_bytes == size
    arena.close()
    assert arena.memory().host_bytes == 0


def test_on_a_cpu_a_hot_model_is_in_memory_once():
    size = 64 * 2**20
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(size // 4), requires_grad=False)
    arena = Arena(module)
    held = proportional()
    arena.restore()
    assert module.weight.sum() == size // 4
    assert proportional() - held <= 0.05 * size
    # What is written to is the model's own, until it leaves.
    module.weight.fill_(2)
    assert proportional() - held >= 0.45 * size
    arena.offload()
    arena.restore()
    assert module.weight.sum() == size // 4


def test_moving_in_frees_the_originals_and_an_arena_that_is_dropped_frees_all():
    size = 64 * 2**20
    before = resident()
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(size // 4))
    arena = Arena(module)
    assert resident() - before <= 1.1 * size
    arena.restore()
    del module, arena
    gc.collect()
    assert resident() - before <= 0.1 * size


def test_what_a_model_writes_into_a_buffer_is_undone_by_an_offload():
    module = nn.BatchNorm1d(4)
    arena = Arena(module)
    arena.restore()
    module.train()(torch.randn(8, 4))
    assert module.num_batches_tracked == 1
    arena.offload()
    arena.restore()
    assert module.num_batches_tracked == 0


def test_scratch_keeps_its_address_and_leaves_with_the_weights():
    module = nn.Linear(8, 8)
    arena = Arena(module)
    early = arena.scratch((1024, 1024), torch.float32)
    arena.restore()
    late = arena.scratch((3, 5), torch.int64)
    addresses = early.data_ptr(), late.data_ptr()
    early.fill_(1)
    late.fill_(2)
    assert arena.memory().device_bytes >= early.nbytes
    arena.offload()
    assert arena.memory().device_bytes == 0
    arena.restore()
    early.fill_(3)
    late.fill_(4)
    assert (early.data_ptr(), late.data_ptr()) == addresses
    assert torch.equal(module.weight, module.weight.clone())
    assert early.eq(3).all()
    assert late.eq(4).all()


def test_a_restore_without_memory_leaves_nothing_and_can_be_tried_again(memory_limit):
    module = nn.Module()
    module.weight = nn.Parameter(torch.ones(16 * 2**20))
    arena = Arena(module)
    with memory_limit(32 * 2**20), pytest.raises(OutOfMemory, match="67108864 bytes of memory"):
        arena.restore()
    assert not arena.hot
    assert arena.memory().device_bytes == 0
    arena.restore()
    assert module.weight.sum() == 16 * 2**20


def test_a_copy_that_fails_half_way_leaves_nothing_and_can_be_tried_again(monkeypatch):
    module = nn.Linear(512, 512)
    before = module.weight.clone()
    arena = Arena(module)

    def failing(weights, begin, end):
        raise RuntimeError("the copy failed")

    monkeypatch.setattr(arena._range, "send", failing)
    with pytest.raises(RuntimeError, match="the copy failed"):
        arena.restore()
    assert arena.memory().device_bytes == 0
    monkeypatch.undo()
    arena.restore()
    assert torch.equal(module.weight, before)


def test_modules_without_tensors_can_be_moved_too():
    arena = Arena([nn.ReLU(), nn.Identity()])
    arena.restore()
    arena.offload()
    assert arena.memory().device_bytes == 0


def test_what_an_arena_can_not_hold_is_refused_by_name():
    module = nn.Module()
    module.register_buffer("heads", torch.eye(3).to_sparse())
    with pytest.raises(SetupError, match=r"Module\.heads is Tensor with layout torch\.sparse_coo"):
        Arena(module)
    with pytest.raises(SetupError, match="device is meta; it must be cpu or cuda"):
        Arena(nn.Linear(1, 1), "meta")


def test_a_module_can_not_be_in_two_arenas():
    module = nn.Linear(3, 3)
    arena = Arena(module)
    with pytest.raises(SetupError, match=r"Linear\.weight is in another arena already"):
        Arena([nn.Linear(2, 2), module])
    arena.restore()
    assert module.weight.isfinite().all()


def test_weights_that_were_never_read_are_not_restored():
    with torch.device("meta"):
        module = nn.Linear(3, 3)
    arena = Arena(module)
    with pytest.raises(SetupError, match="2 tensors of the arena were on the meta device"):
        arena.restore()
    assert arena.memory().device_bytes == 0

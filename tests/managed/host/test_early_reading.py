"""Checkpoints that are on their way into host memory before torch is there."""

import json
import subprocess
import sys

import pytest
import scripted_cuda
import torch
from safetensors.torch import save_file
from torch import nn

from greenroom.errors import SetupError
from greenroom.managed.arena import Arena, ArenaEngine
from greenroom.managed.host import early_reading
from greenroom.managed.host.early_reading import EarlyReading
from greenroom.managed.host.pages import Pages
from greenroom.managed.host.shared_memory import SharedMemory


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(40, 30)
        self.norm = nn.BatchNorm1d(30)
        self.table = nn.Parameter(torch.randn(7, 5).bfloat16())


def net():
    with torch.device("meta"):
        return Net()


@pytest.fixture
def source():
    torch.manual_seed(1)
    return {name: tensor.clone() for name, tensor in Net().state_dict().items()}


@pytest.fixture
def file(source, tmp_path):
    save_file(source, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def read(module, *paths, **options):
    with EarlyReading(*paths) as early:
        arena = Arena(module, early=early)
        arena.read(module, *paths, **options)
    arena.restore()
    return arena, early


def places(arena, early):
    """Return the names of those tensors that lie where they were read to early."""
    begin = arena._range.bytes.data_ptr()
    found = {name: begin + offset for name, (_, offset) in early.tensors.items()}
    state = arena._modules[0].state_dict()
    return {name for name in found.keys() & state.keys() if state[name].data_ptr() == found[name]}


def test_all_is_read_before_torch_is_imported(source, file):
    program = f"""
import sys
from pathlib import Path
from greenroom.managed.host.early_reading import EarlyReading
with EarlyReading(Path({str(file)!r})) as early:
    for _ in early.arriving():
        pass
    offset = early.tensors["first.weight"][1]
    print(bytes(early.memory.buffer()[offset : offset + 4800]).hex())
    print("torch" in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    words, torch_is_there = run.stdout.split()
    assert bytes.fromhex(words) == source["first.weight"].numpy().tobytes()
    assert torch_is_there == "False"


def test_the_arena_has_the_same_bytes_where_they_were_read_to(source, file):
    module = net()
    arena, early = read(module, file)
    assert places(arena, early) == set(source)
    assert all(torch.equal(module.state_dict()[name], source[name]) for name in source)
    arena.offload()
    arena.restore()
    assert all(torch.equal(module.state_dict()[name], source[name]) for name in source)


def test_shards_over_several_segments(source, tmp_path, monkeypatch):
    for where in ("early_reading", "shared_memory"):
        monkeypatch.setattr(f"greenroom.managed.host.{where}.SEGMENT", 4096)
    source["first.weight"] = torch.randn(300, 401)
    names = sorted(source)
    weight_map = {name: f"part-{rank % 3}.safetensors" for rank, name in enumerate(names)}
    for part in set(weight_map.values()):
        save_file(
            {name: source[name] for name in names if weight_map[name] == part}, tmp_path / part
        )
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    module = net()
    with torch.device("meta"):
        module.first.weight = nn.Parameter(torch.empty(300, 401))
    arena, early = read(module, tmp_path)
    assert places(arena, early) == set(source)
    assert all(torch.equal(module.state_dict()[name], source[name]) for name in source)


def test_what_does_not_fit_as_it_is_is_read_as_ever(source, file):
    module = net()
    module.norm = module.norm.double()
    module.table = nn.Parameter(torch.randn(7, 5).bfloat16())
    arena, early = read(module, file)
    assert places(arena, early) == {"first.weight", "first.bias", "norm.num_batches_tracked"}
    assert torch.equal(module.norm.weight, source["norm.weight"].double())
    assert torch.equal(module.table, source["table"])


def test_another_file_than_the_one_that_was_begun_is_read(source, file, tmp_path):
    other = {name: torch.ones_like(tensor) for name, tensor in source.items()}
    save_file(other, tmp_path / "other.safetensors")
    module = net()
    with EarlyReading(file) as early:
        arena = Arena(module, early=early)
        for _ in early.arriving():
            pass
        arena.read(module, tmp_path / "other.safetensors")
    arena.restore()
    assert all(torch.equal(module.state_dict()[name], other[name]) for name in source)


def test_a_file_that_shrinks_while_it_is_read_is_refused(file, monkeypatch):
    make = early_reading.host_memory

    def shrunk(size):
        file.write_bytes(file.read_bytes()[:-100])
        return make(size)

    monkeypatch.setattr(early_reading, "host_memory", shrunk)
    whole, module = file.stat().st_size, net()
    with EarlyReading(file) as early:
        arena = Arena(module, early=early)
        with pytest.raises(SetupError, match=rf"{file} ends at byte \d+, too early"):
            list(early.arriving())
        with pytest.raises(SetupError, match=f"{file} has {whole - 100} bytes, .* cut off"):
            arena.read(module, file)


def test_a_file_that_lies_is_refused_with_the_sentence_of_a_load(file, tmp_path):
    content = file.read_bytes()
    for length in (0, 5, 200, len(content) - 1):
        file.write_bytes(content[:length])
        with pytest.raises(SetupError) as early:
            EarlyReading(file)
        module = net()
        with pytest.raises(SetupError) as late:
            Arena(module).read(module, file)
        assert str(early.value) == str(late.value)
    with pytest.raises(SetupError, match=r"lost\.safetensors cannot be read: No such file"):
        EarlyReading(tmp_path / "lost.safetensors")


@pytest.mark.parametrize("memory", [SharedMemory, lambda: Pages(2**20)], ids=["other", "its"])
def test_on_a_gpu_each_piece_is_sent_when_it_is_there(source, file, monkeypatch, memory):
    driver = scripted_cuda.install(monkeypatch)
    monkeypatch.setattr(early_reading, "host_memory", lambda size: memory())
    module, given = net(), nn.Linear(3, 3)

    class Engine(ArenaEngine):
        def load(self):
            self.arena.read(module, file)
            self.sent_by_reading = list(driver.sent)

    with EarlyReading(file) as early:
        engine = Engine([module, given], "cuda", early)
    begin = engine.arena._range.bytes.data_ptr()

    def is_within(tensor, sent):
        return any(first <= tensor.data_ptr() - begin < end for first, end in sent)

    assert all(is_within(tensor, engine.sent_by_reading) for tensor in module.state_dict().values())
    assert not is_within(given.weight, engine.sent_by_reading)
    assert is_within(given.weight, driver.sent)
    assert all(torch.equal(module.state_dict()[name], source[name]) for name in source)
    engine.close()


def test_a_load_that_fails_leaves_nothing_on_the_gpu(file, monkeypatch):
    driver = scripted_cuda.install(monkeypatch)

    class Engine(ArenaEngine):
        def load(self):
            assert driver.mapped
            raise SetupError("No.")

    with pytest.raises(SetupError, match="No"):
        Engine(net(), "cuda")
    assert (driver.mapped, driver.handles) == ({}, {})

"""Checkpoints into an arena: everything that a module needs, nothing else, or a sentence."""

import json
import struct
from contextlib import suppress

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from greenroom.errors import SetupError
from greenroom.managed.arena import Arena, reading, tensor_slices


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(40, 30)
        self.norm = nn.BatchNorm1d(30)
        self.table = nn.Parameter(torch.randn(7, 5).bfloat16())
        self.register_buffer("window", torch.ones(3), persistent=False)


@pytest.fixture
def source():
    torch.manual_seed(1)
    return {name: tensor.clone() for name, tensor in Net().state_dict().items()}


def net():
    with torch.device("meta"):
        made = Net()
    made.window = torch.ones(3)
    return made


@pytest.fixture
def file(source, tmp_path):
    save_file(source, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr(tensor_slices, "SIZE", 64)


def read(module, *sources, **options):
    arena = Arena(module)
    arena.read(module, *sources, **options)
    arena.restore()
    return module.state_dict()


def assert_same(state, source):
    assert state.keys() == source.keys()
    assert all(torch.equal(state[name], source[name]) for name in source)


def refusal(module, *sources, **options):
    arena = Arena(module)
    with pytest.raises(SetupError) as caught:
        arena.read(module, *sources, **options)
    return str(caught.value)


def test_one_file(source, file, small_slices):
    assert_same(read(net(), file), source)


def test_a_folder_with_one_file(source, file):
    assert_same(read(net(), str(file.parent)), source)


def test_a_folder_with_shards_and_an_index(source, tmp_path, small_slices):
    names = sorted(source)
    weight_map = {name: f"part-{rank % 3}.safetensors" for rank, name in enumerate(names)}
    for part in set(weight_map.values()):
        held = {name: source[name] for name in names if weight_map[name] == part}
        save_file(held, tmp_path / part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    assert_same(read(net(), tmp_path), source)


def test_a_torch_file_a_state_dict_and_several_sources(source, tmp_path, small_slices):
    torch.save(source, tmp_path / "model.pt")
    assert_same(read(net(), tmp_path / "model.pt"), source)
    norm = {name: source.pop(name) for name in list(source) if name.startswith("norm")}
    assert_same(read(net(), source, norm), source | norm)


def test_names_are_changed_or_left_out(source):
    given = {f"model.{name}": tensor for name, tensor in source.items()}
    given["model.training_step"] = torch.zeros(1)

    def rename(name):
        name = name.removeprefix("model.")
        return None if name == "training_step" else name

    assert_same(read(net(), given, rename=rename), source)


def test_values_are_converted_to_the_modules_dtype(source, tmp_path, small_slices):
    wide = {
        name: tensor.double() if tensor.is_floating_point() else tensor.short()
        for name, tensor in source.items()
    }
    save_file(wide, tmp_path / "wide.safetensors")
    state = read(net(), tmp_path / "wide.safetensors")
    assert_same(state, source)
    assert state["table"].dtype == torch.bfloat16


def test_strided_tensors_are_read_where_they_lie(source, tmp_path):
    with torch.device("meta"):
        module = nn.Module()
        module.register_buffer("turned", torch.empty(5, 7).t())
        module.register_buffer("spread", torch.empty(4, 1).expand(4, 3))
    given = {"turned": torch.randn(7, 5), "spread": torch.randn(4, 1).expand(4, 3).contiguous()}
    save_file(given, tmp_path / "strided.safetensors")
    assert_same(read(module, tmp_path / "strided.safetensors"), given)
    assert module.turned.stride() == (1, 7)
    assert module.spread.stride() == (1, 0)


def tied():
    with torch.device("meta"):
        module = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 9, bias=False))
    module[1].weight = module[0].weight
    return module


@pytest.mark.parametrize("names", [("0.weight",), ("1.weight",), ("1.weight", "0.weight")])
def test_any_name_of_a_tied_tensor_will_do(names):
    weight = torch.randn(9, 4)
    weight[0, 0] = torch.nan
    state = read(tied(), dict.fromkeys(names, weight))
    assert torch.equal(state["1.weight"].nan_to_num(), weight.nan_to_num())


def test_a_tie_that_the_checkpoint_contradicts_is_refused():
    given = {"0.weight": torch.zeros(9, 4), "1.weight": torch.ones(9, 4)}
    assert refusal(tied(), given) == (
        "1.weight is tied to another tensor of the module, but the checkpoint's values differ."
    )


def test_part_of_a_tensor_that_is_read_need_not_be_there():
    with torch.device("meta"):
        module = nn.Module()
        module.whole = nn.Parameter(torch.empty(6, 4))
        module.register_buffer("part", module.whole.detach()[2:4])
    whole = torch.randn(6, 4)
    assert torch.equal(read(module, {"whole": whole})["part"], whole[2:4])


def test_missing_tensors_are_named_and_few_of_many(source):
    del source["table"]
    assert refusal(net(), source) == "the checkpoint lacks tensor table, which Net needs."
    assert refusal(net(), {}) == (
        "the checkpoint lacks tensors table, first.weight, first.bias, norm.weight, norm.bias "
        "and 3 more, which Net needs."
    )


def test_a_buffer_of_no_checkpoint_needs_a_value(source):
    with torch.device("meta"):
        without, given = Net(), Net()
    assert refusal(without, source) == "the checkpoint lacks tensor window, which Net needs."
    assert_same(read(given, source, {"window": torch.ones(3)}), source)


def test_extra_tensors_are_named(source):
    source |= {"third.weight": torch.zeros(2), "third.bias": torch.zeros(1)}
    assert refusal(net(), source) == (
        "the checkpoint has tensors third.weight, third.bias, which Net does not have."
    )


def test_a_wrong_shape_is_named_with_both(file, source):
    source["table"] = source["table"].t().contiguous()
    save_file(source, file)
    assert refusal(net(), file) == f"table in {file} has shape [5, 7]; Net needs [7, 5]."


def test_a_dtype_that_can_not_be_converted_is_refused(source):
    source["norm.num_batches_tracked"] = torch.tensor(0.5)
    assert refusal(net(), source) == (
        "norm.num_batches_tracked in state dict is torch.float32; Net needs torch.int64, which "
        "it can't be converted to."
    )


def test_a_name_that_comes_twice_is_refused(file, source):
    assert refusal(net(), file, {"table": source["table"]}) == (
        f"table is in {file} and again in state dict."
    )


def test_a_hot_arena_and_a_strange_module_are_refused(source):
    module = net()
    arena = Arena(module)
    with pytest.raises(SetupError, match=r"Linear\.weight is not in this arena\."):
        arena.read(nn.Linear(3, 3), source)
    arena.read(module, source)
    arena.restore()
    with pytest.raises(SetupError, match="The arena is hot"):
        arena.read(module, source)


def test_a_file_that_is_cut_off_is_refused(file):
    content = file.read_bytes()
    for length in (0, 5, 8, 200, len(content) - 1):
        file.write_bytes(content[:length])
        message = refusal(net(), file)
        assert str(file) in message
        assert "cut off" in message


def test_a_file_that_shrinks_while_it_is_read_is_refused(file, monkeypatch):
    check = reading._check

    def shrunk(*arguments):
        check(*arguments)
        file.write_bytes(file.read_bytes()[:-100])

    monkeypatch.setattr(reading, "_check", shrunk)
    assert f"{file} ends at byte" in refusal(net(), file)


def lying(file, change):
    """Rewrite the header of a safetensors file."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = change(json.loads(content[8 : 8 + length]))
    words = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(words)) + words + content[8 + length :])


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": [7, 6]},
        {"shape": [-7, -5]},
        {"shape": "7x5"},
        {"shape": [2**40, 2**40]},
        {"dtype": "F77"},
        {"data_offsets": [0]},
        {"data_offsets": [-70, 0]},
        {"data_offsets": None},
    ],
    ids=str,
)
def test_a_header_that_lies_about_a_tensor_is_refused(file, fields):
    lying(file, lambda header: header | {"table": header["table"] | fields})
    assert f"checkpoint {file} describes table as" in refusal(net(), file)


def test_a_header_that_is_none_and_bytes_that_nothing_describes_are_refused(file):
    lying(file, lambda header: {name: header[name] for name in header if name != "table"})
    assert "it is damaged" in refusal(net(), file)
    for words in (b"[1, 2]", b"{", b"\xff\xfe"):
        lying(file, lambda header, words=words: words)
        assert "header that is not a JSON object" in refusal(net(), file)
        file.unlink()
        save_file({"a": torch.zeros(1)}, file)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 700), byte=st.integers(0, 255))
def test_any_byte_of_a_header_may_be_wrong(file, at, byte):
    content = bytearray(file.read_bytes())
    content[at] = byte
    damaged = file.with_name("damaged.safetensors")
    damaged.write_bytes(content)
    # Some bytes change only a name's spelling or the metadata: then it is read or named.
    with suppress(SetupError):
        read(net(), damaged)


def test_files_that_are_not_there_or_no_checkpoint_are_refused(tmp_path):
    lost = tmp_path / "lost.safetensors"
    assert refusal(net(), lost) == f"checkpoint {lost} cannot be read: No such file or directory."
    assert "neither model.safetensors nor" in refusal(net(), tmp_path)
    pickled = tmp_path / "model.pt"
    pickled.write_bytes(b"not a checkpoint")
    assert "is not a complete .pt file" in refusal(net(), pickled)
    torch.save({"dims": {"n": 3}, "model": {}}, pickled)
    assert "must be a flat mapping of names to tensors" in refusal(net(), pickled)
    torch.save(nn.Linear(1, 1), pickled)
    assert "holds torch.nn.modules.linear.Linear, which is neither" in refusal(net(), pickled)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"weight_map": 3}', '{"weight_map": {"a": "../elsewhere"}}']
)
def test_an_index_that_is_none_is_refused(tmp_path, content):
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(content)
    assert refusal(net(), tmp_path).startswith(f"checkpoint {index} is not an index")

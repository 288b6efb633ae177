"""Products with weights of 8 and 4 bit against those of their own dequantised weights."""

from pathlib import Path

import pytest
import torch
from language_models import filled_model
from parity_fixtures import parity_io, parity_json, parity_weights
from test_language_model_parity import logits_of
from tiny_checkpoints.packed_layer import packed_layer, unpacked_layer

from greenroom.errors import SetupError
from greenroom.managed.arena import Arena
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.int4_on_cpu import CpuInt4
from greenroom_speech.engines.step_audio.language_model.int4_on_cuda import CudaInt4
from greenroom_speech.engines.step_audio.language_model.int4_projection import Int4Projection
from greenroom_speech.engines.step_audio.language_model.int8_projection import Int8Projection
from greenroom_speech.engines.step_audio.language_model.many_rows import (
    NEVER,
    ManyRows,
    least_rows,
)
from greenroom_speech.engines.step_audio.language_model.quantisation import Quantisation
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

BAR = 0.005
"""Of a layer's product, beside that of its own dequantised weights."""
ROWS = [1, 8, 300]


def away(got: torch.Tensor, wanted: torch.Tensor) -> float:
    return ((got.float() - wanted.float()).norm() / wanted.float().norm()).item()


def with_scratch(elements: int, least: int = NEVER) -> ManyRows:
    many = ManyRows()
    many.use(torch.full((elements,), float("nan"), dtype=torch.bfloat16), least)
    return many


class Alone(torch.nn.Module):
    """One layer in a model, as an arena takes it."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer


def read(layer: torch.nn.Module, state: dict[str, torch.Tensor]) -> Arena:
    module = Alone(layer)
    arena = Arena(module)
    arena.read(module, {f"layer.{name}": value for name, value in state.items()})
    arena.restore()
    return arena


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("shape", [(80, 48), (48, 80), (1104, 256)])
def test_a_layer_of_8_bit_is_its_own_dequantisation(shape: tuple[int, int], rows: int) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape).bfloat16()
    weight[3] = 0
    layer = Int8Projection(shape[1], shape[0], with_scratch(weight.numel()))
    arena = read(layer, {"weight": weight})
    exact = layer.weight.float() * layer.scale.float().unsqueeze(1)
    assert away(exact, weight) < 0.01
    x = torch.randn(rows, shape[1]).bfloat16()
    assert away(layer.by_kernel(x), x.float() @ exact.t()) < BAR
    assert away(layer.dequantised(x), x.float() @ exact.t()) < BAR
    assert arena.memory().host_bytes < weight.numel() + 8192
    arena.close()


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("shape", "group"), [((80, 128), 32), ((640, 256), 128)])
def test_a_layer_of_4_bit_is_its_own_dequantisation(
    shape: tuple[int, int], group: int, symmetric: bool, rows: int
) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape).bfloat16()
    packed = packed_layer(weight + 0.5 * (not symmetric), group, symmetric)
    assert ("weight_zero_point" in packed) != symmetric
    many = with_scratch(weight.numel())
    layer = Int4Projection(shape[1], shape[0], quantisation(group, symmetric), CpuInt4(), many)
    arena = read(layer, packed)
    exact = unpacked_layer(packed, group, symmetric)
    x = torch.randn(rows, shape[1]).bfloat16()
    assert away(layer.by_kernel(x), x.float() @ exact.t()) < BAR
    assert away(layer.dequantised(x), x.float() @ exact.t()) < BAR
    arena.close()


def quantisation(group: int, symmetric: bool) -> Quantisation:
    return Quantisation(
        num_bits=4, type="int", strategy="group", symmetric=symmetric, group_size=group
    )


def test_logits_with_8_bit_are_near_those_of_float32() -> None:
    config = LanguageModelConfig.model_validate(parity_json("lm")["config"])
    io, weights = parity_io("lm"), parity_weights("lm")
    wanted = io["logits"][0]
    half = filled_model(config, weights).bfloat16()
    many = with_scratch(2**14)
    with torch.device("meta"):
        model = Step1(config, lambda *sizes: Int8Projection(*sizes, many)).bfloat16()
    arena = Arena(model)
    arena.read(model, weights)
    arena.restore()
    rounding = away(logits_of(half, io["input_ids"][0]), wanted)
    assert rounding < 0.015
    for least in (NEVER, 1):
        many.least = least
        assert rounding < away(logits_of(model, io["input_ids"][0]), wanted) < 0.03
    arena.close()


def test_from_the_measured_rows_on_a_matrix_is_dequantised() -> None:
    layer = Int8Projection(32, 32, with_scratch(1024, least=9))
    arena = read(layer, {"weight": torch.randn(32, 32)})
    for rows, way in ((8, layer.by_kernel), (9, layer.dequantised)):
        x = torch.randn(rows, 32).bfloat16()
        assert torch.equal(layer(x), way(x))
    arena.close()


def test_the_rows_are_measured_once_and_kept(tmp_path: Path) -> None:
    tried: list[int] = []

    def few(x: torch.Tensor) -> torch.Tensor:
        tried.append(len(x))
        for _ in range(400 if len(x) >= 64 else 0):
            x = x @ x.t() @ x / 1000
        return x

    def many(x: torch.Tensor) -> torch.Tensor:
        for _ in range(40):
            x = x @ x.t() @ x / 1000
        return x

    kept, x = tmp_path / "cache" / "rows.json", torch.randn(256, 64)
    assert least_rows(few, many, x, kept, "here") == 64
    tried.clear()
    assert least_rows(few, many, x, kept, "here") == 64
    assert not tried
    kept.write_text("{")
    assert least_rows(many, few, x, kept, "here") == NEVER


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Int8Projection(48, 20, ManyRows()), "20 rows and 48 columns"),
        (
            lambda: Int4Projection(48, 80, quantisation(32, True), CpuInt4(), ManyRows()),
            "multiple of the group, 32",
        ),
        (
            lambda: Int4Projection(64, 20, quantisation(32, True), CpuInt4(), ManyRows()),
            "rows must be a multiple of 16",
        ),
    ],
)
def test_sizes_that_no_kernel_takes_are_refused(make, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SetupError, match=words):
        make()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight_shape": torch.tensor([64, 16])}, "weight_shape"),
        ({"weight_scale": torch.ones(64, 3)}, "weight_scale in state dict is float32"),
        ({"weight_packed": torch.ones(64, 8)}, "it must be int32 of shape"),
        ({"weight_g_idx": torch.zeros(64, dtype=torch.int32)}, "weight_g_idx"),
    ],
)
def test_a_damaged_layer_is_refused(change: dict[str, torch.Tensor], words: str) -> None:
    packed = packed_layer(torch.randn(64, 64).bfloat16(), 32, True) | change
    layer = Int4Projection(64, 64, quantisation(32, True), CpuInt4(), ManyRows())
    with pytest.raises(SetupError, match=words):
        read(layer, packed)
    del packed["weight_scale"]
    with pytest.raises(SetupError):
        read(layer, packed)


class ScriptedTiles(CudaInt4):
    """Tiles in an order of their own, packed without a GPU."""

    order = torch.randperm(1024, generator=torch.Generator().manual_seed(1))

    def pack(self, values: torch.Tensor) -> torch.Tensor:
        rows, columns = values.shape
        tiles = values.view(rows // 8, 8, columns // 128, 128).transpose(1, 2)
        nibbles = tiles.reshape(rows // 8, columns // 128, 1024)[..., self.order]
        octets = nibbles[..., ::2] | nibbles[..., 1::2] << 4
        return octets.contiguous().view(torch.int32).view(rows // 8, columns // 128, 32, 4)


def test_tiles_are_unpacked_in_whatever_order_they_are() -> None:
    torch.manual_seed(0)
    layout, group = ScriptedTiles(torch.device("cpu")), 128
    values = torch.randint(0, 16, (1040, 256), dtype=torch.uint8)
    scale = torch.rand(2, 1040).bfloat16()
    zero = torch.randint(-7, 8, (2, 1040)) * scale
    packed = layout.pack(values)
    assert packed.shape, packed.dtype == layout.shape(256, 1040)
    exact = (values.float() - 8) * scale.t().repeat_interleave(group, 1)
    exact += zero.t().repeat_interleave(group, 1)
    x, many = torch.randn(3, 256).bfloat16(), with_scratch(values.numel())
    got = layout.dequantised(x, packed, group, torch.stack([scale, zero], dim=-1), many)
    assert away(got, x.float() @ exact.t()) < BAR

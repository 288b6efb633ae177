"""The released files map onto the modules with nothing missing or left over, and safely."""

from pathlib import Path

import pytest
import torch
from parity_fixtures import parity_weights
from tiny_vocoder import distance, flow_sizes, hift, hift_sizes
from torch import Tensor

from greenroom.engines.step_audio.vocoder.checkpoint import (
    check_tensors,
    flow_state,
    hift_file_shapes,
    hift_state,
)
from greenroom.engines.step_audio.vocoder.flow import Flow
from greenroom.engines.step_audio.vocoder.hift import Hift
from greenroom.engines.step_audio.vocoder.sizes import FlowSizes, HiftSizes
from greenroom.engines.step_audio.vocoder.weight_norm import folded
from greenroom.errors import SetupError

META = torch.device("meta")
Shapes = dict[str, tuple[int, ...]]


def linear(name: str, outputs: int, inputs: int, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (outputs, inputs)} | ({f"{name}.bias": (outputs,)} if bias else {})


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def conv(name: str, outputs: int, inputs: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, kernel), f"{name}.bias": (outputs,)}


def released_flow() -> Shapes:
    """Return names and shapes of ``flow.pt`` as they are published."""
    shapes = {"input_embedding.embedding.weight": (5121, 256)}
    shapes |= linear("spk_embed_affine_layer", 80, 192) | linear("encoder_proj", 80, 512)
    for part in ("embed", "up_embed"):
        shapes |= linear(f"encoder.{part}.out.0", 512, 512) | norm(f"encoder.{part}.out.1", 512)
    shapes |= conv("encoder.pre_lookahead_layer.conv1", 512, 512, 4)
    shapes |= conv("encoder.pre_lookahead_layer.conv2", 512, 512, 3)
    shapes |= conv("encoder.up_layer.conv", 512, 512, 5) | norm("encoder.after_norm", 512)
    for block in [f"encoders.{n}" for n in range(6)] + [f"up_encoders.{n}" for n in range(4)]:
        at = f"encoder.{block}"
        for name in ("q", "k", "v", "out"):
            shapes |= linear(f"{at}.self_attn.linear_{name}", 512, 512)
        shapes |= linear(f"{at}.self_attn.linear_pos", 512, 512, bias=False)
        shapes |= {f"{at}.self_attn.pos_bias_{name}": (8, 64) for name in "uv"}
        shapes |= linear(f"{at}.feed_forward.w_1", 2048, 512)
        shapes |= linear(f"{at}.feed_forward.w_2", 512, 2048)
        shapes |= norm(f"{at}.norm_mha", 512) | norm(f"{at}.norm_ff", 512)
    at = "decoder.estimator"
    shapes |= linear(f"{at}.t_embedder.mlp.0", 512, 256) | linear(f"{at}.in_proj", 512, 320)
    shapes |= linear(f"{at}.t_embedder.mlp.2", 512, 512)
    for block in (f"{at}.blocks.{n}" for n in range(16)):
        for name in ("to_q", "to_k", "to_v", "proj"):
            shapes |= linear(f"{block}.attn.{name}", 512, 512)
        shapes |= norm(f"{block}.attn.q_norm", 64) | norm(f"{block}.attn.k_norm", 64)
        shapes |= linear(f"{block}.mlp.fc1", 2048, 512) | linear(f"{block}.mlp.fc2", 512, 2048)
        shapes |= conv(f"{block}.conv.block.1", 512, 512, 3) | norm(f"{block}.conv.block.3", 512)
        shapes |= conv(f"{block}.conv.block.6", 512, 512, 3)
        shapes |= linear(f"{block}.adaLN_modulation.1", 4608, 512)
    shapes |= linear(f"{at}.final_layer.adaLN_modulation.1", 1024, 512)
    return shapes | linear(f"{at}.final_layer.linear", 80, 512)


def normed(name: str, first: int, second: int, kernel: int, outputs: int | None = None) -> Shapes:
    weight = f"{name}.parametrizations.weight.original"
    shapes = {f"{weight}0": (first, 1, 1), f"{weight}1": (first, second, kernel)}
    return shapes | {f"{name}.bias": (outputs or first,)}


def residual_block(name: str, width: int, kernel: int) -> Shapes:
    shapes = {}
    for layer in range(3):
        shapes |= normed(f"{name}.convs1.{layer}", width, width, kernel)
        shapes |= normed(f"{name}.convs2.{layer}", width, width, kernel)
        shapes |= {f"{name}.activations{n}.{layer}.alpha": (width,) for n in (1, 2)}
    return shapes


def released_hift() -> Shapes:
    """Return names and shapes of ``hift.pt`` as they are published."""
    shapes = linear("m_source.l_linear", 1, 9) | linear("f0_predictor.classifier", 1, 512)
    for layer, inputs in zip((0, 2, 4, 6, 8), (80, 512, 512, 512, 512), strict=True):
        shapes |= normed(f"f0_predictor.condnet.{layer}", 512, inputs, 3)
    shapes |= normed("conv_pre", 512, 80, 7) | normed("conv_post", 18, 64, 7)
    stages = zip((256, 128, 64), (16, 11, 7), (30, 6, 1), (7, 7, 11), strict=True)
    for stage, (width, up, down, source) in enumerate(stages):
        shapes |= normed(f"ups.{stage}", 2 * width, width, up, outputs=width)
        shapes |= conv(f"source_downs.{stage}", width, 18, down)
        shapes |= residual_block(f"source_resblocks.{stage}", width, source)
        for number, kernel in enumerate((3, 7, 11), start=3 * stage):
            shapes |= residual_block(f"resblocks.{number}", width, kernel)
    return shapes


def full_size(shapes: Shapes) -> dict[str, Tensor]:
    return {name: torch.empty(shape, device=META) for name, shape in shapes.items()}


def test_the_released_flow_maps_in_full_size() -> None:
    state = full_size(released_flow())
    assert len(state) == 605
    with META:
        flow = Flow(FlowSizes())
    flow.load_state_dict(state, strict=True, assign=True)
    assert sum(4 * tensor.numel() for tensor in flow.state_dict().values()) == 615_016_384


def test_the_released_vocoder_maps_in_full_size_and_folds() -> None:
    state = full_size(released_hift())
    assert len(state) == 328
    with META:
        hift = Hift(HiftSizes())
    check_tensors("hift.pt", state, hift_file_shapes(hift))
    weights = folded(state)
    assert len(weights) == 246
    hift.load_state_dict(weights, strict=True, assign=True)
    assert round(sum(t.numel() for t in weights.values()) / 1e6, 1) == 20.8


def test_weight_norm_folds_to_what_torch_computes() -> None:
    torch.manual_seed(0)
    for module in (torch.nn.Conv1d(3, 4, 5), torch.nn.ConvTranspose1d(3, 4, 5)):
        plain = torch.nn.utils.parametrizations.weight_norm(module)
        plain.parametrizations.weight.original0.mul_(1.7)
        state = {f"up.{name}": tensor for name, tensor in plain.state_dict().items()}
        assert distance(folded(state)["up.weight"], plain.weight) < 1e-6


@pytest.fixture(scope="module")
def empty_flow() -> Flow:
    with META:
        return Flow(flow_sizes())


def saved(folder: Path, state: object) -> Path:
    path = folder / "weights.pt"
    torch.save(state, path)
    return path


def test_files_are_read(tmp_path: Path, empty_flow: Flow) -> None:
    state = flow_state(saved(tmp_path, parity_weights("flow")), empty_flow)
    empty_flow.load_state_dict(state, strict=True, assign=True)
    (tmp_path / "hift").mkdir()
    with META:
        empty = Hift(hift_sizes())
    weights = hift_state(saved(tmp_path / "hift", parity_weights("hift")), empty)
    assert weights.keys() == hift().state_dict().keys()


def test_a_missing_an_extra_and_a_misshapen_tensor_are_named(
    tmp_path: Path, empty_flow: Flow
) -> None:
    state = parity_weights("flow")
    missing = dict(state)
    del missing["encoder_proj.bias"]
    with pytest.raises(SetupError, match=r"weights\.pt lacks encoder_proj\.bias;"):
        flow_state(saved(tmp_path, missing), empty_flow)
    with pytest.raises(SetupError, match=r"besides what belongs there more\.weight;"):
        flow_state(saved(tmp_path, state | {"more.weight": torch.zeros(1)}), empty_flow)
    short = state | {"encoder_proj.bias": torch.zeros(3)}
    with pytest.raises(SetupError, match=r"misshapen encoder_proj\.bias \(3,\) instead of \(80,\)"):
        flow_state(saved(tmp_path, short), empty_flow)
    with pytest.raises(SetupError, match=r"lacks \S+, \S+, \S+ and \d+ more;"):
        flow_state(saved(tmp_path, {}), empty_flow)


class Harmful:
    """Touches a file when it is unpickled by somebody who trusts it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_in_a_file_is_executed(tmp_path: Path, empty_flow: Flow) -> None:
    path = saved(tmp_path, {"weight": Harmful(tmp_path / "touched")})
    with pytest.raises(SetupError, match="no state dict of plain tensors"):
        flow_state(path, empty_flow)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "no state dict"), (b"PK\x03\x04 broken", "no state dict")]
)
def test_a_file_that_is_no_checkpoint(
    content: bytes, says: str, tmp_path: Path, empty_flow: Flow
) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    with pytest.raises(SetupError, match=says):
        flow_state(path, empty_flow)


def test_a_truncated_file(tmp_path: Path, empty_flow: Flow) -> None:
    path = saved(tmp_path, parity_weights("flow"))
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(SetupError, match="no state dict"):
        flow_state(path, empty_flow)


def test_other_things_than_tensors(tmp_path: Path, empty_flow: Flow) -> None:
    for content in ({"state_dict": {}}, [torch.zeros(1)]):
        with pytest.raises(SetupError, match="must be a state dict"):
            flow_state(saved(tmp_path, content), empty_flow)


def test_a_file_that_is_not_there(tmp_path: Path, empty_flow: Flow) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        flow_state(tmp_path / "flow.pt", empty_flow)

"""The released files map onto the modules with nothing missing or left over, and safely."""

import re
from pathlib import Path

import pytest
import torch
from parity_fixtures import parity_io, parity_weights
from tiny_vocoder import distance, flow_sizes, hift, hift_sizes
from torch import Tensor

from greenroom.errors import SetupError
from greenroom.managed.arena import Arena
from greenroom_speech.engines.step_audio.vocoder.flow import Flow
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.sizes import FlowSizes, HiftSizes, VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.engines.step_audio.vocoder.weight_norm import folded
from greenroom_speech.engines.step_audio.vocoder.weights import check_tensors, hift_file_shapes

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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("flow", "hift"):
        torch.save(parity_weights(name), tmp_path / f"{name}.pt")
    return tmp_path


def read(folder: Path) -> tuple[Vocoder, Arena]:
    vocoder = Vocoder(VocoderSizes(flow=flow_sizes(), hift=hift_sizes()))
    arena = Arena(vocoder.modules)
    vocoder.read(arena, folder / "flow.pt", folder / "hift.pt")
    return vocoder, arena


def change(path: Path, **tensors: Tensor | None) -> None:
    """Put tensors into a file, or take them out."""
    state = torch.load(path) | tensors
    torch.save({name: tensor for name, tensor in state.items() if tensor is not None}, path)


def test_files_are_read_and_speech_is_the_same_after_an_offload(folder: Path) -> None:
    vocoder, arena = read(folder)
    arena.restore()
    prompt = parity_io("token2wav")
    voice = vocoder.voice(
        prompt["prompt_mixed"].tolist(),
        prompt["prompt_feat_raw"][0],
        prompt["speaker_embedding"][0],
    )
    codes = prompt["gen_mixed"].tolist()
    wave = vocoder.speech(codes, voice, seed=3)
    arena.offload()
    arena.restore()
    assert torch.equal(vocoder.speech(codes, voice, seed=3), wave)
    weight = "ups.0.weight"
    assert torch.equal(vocoder.hift.state_dict()[weight], hift().state_dict()[weight])
    arena.close()


@pytest.mark.parametrize("name", ["flow", "hift"])
def test_a_missing_an_extra_and_a_misshapen_tensor_are_named(name: str, folder: Path) -> None:
    path = folder / f"{name}.pt"
    victim = "encoder_proj.bias" if name == "flow" else "conv_pre.bias"
    size = len(parity_weights(name)[victim])
    change(path, **{victim: torch.zeros(3)})
    with pytest.raises(SetupError, match=rf"{re.escape(victim)} .*\[3\].*\[{size}\]"):
        read(folder)
    change(path, **{victim: None})
    with pytest.raises(SetupError, match=rf"lacks (tensor )?{re.escape(victim)}[;,]"):
        read(folder)
    change(path, **{victim: torch.zeros(size), "more.weight": torch.zeros(1)})
    with pytest.raises(SetupError, match=r"(has tensor|must not have) more\.weight[;,]"):
        read(folder)


def test_many_missing_tensors_are_counted(folder: Path) -> None:
    torch.save({}, folder / "hift.pt")
    with pytest.raises(SetupError, match=r"lacks \S+, \S+, \S+ and 325 more;"):
        read(folder)


class Harmful:
    """Touches a file when it is unpickled by somebody who trusts it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["flow", "hift"])
def test_nothing_in_a_file_is_executed(name: str, folder: Path) -> None:
    torch.save({"weight": Harmful(folder / "touched")}, folder / f"{name}.pt")
    with pytest.raises(SetupError, match=f"{name}.pt holds getattr, which is neither a tensor"):
        read(folder)
    assert not (folder / "touched").exists()


def test_a_truncated_file_and_one_that_is_not_there(folder: Path) -> None:
    path = folder / "hift.pt"
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(SetupError, match=r"hift\.pt is not a complete"):
        read(folder)
    path.unlink()
    with pytest.raises(SetupError, match=r"hift\.pt cannot be read: No such file"):
        read(folder)

"""A whole small Step-Audio-EditX: random weights under the released file and tensor names."""

import json
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from tiny_checkpoints.tiny_tokenizer_model import tokenizer_model

from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.sentencepiece_file import read_pieces
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.engines.step_audio.vocoder.weights import hift_file_shapes

END = 3
ENDS_BY_ITSELF = 6.0
"""Score of the end above the others: speech lasts some ten ids to some hundred."""

SIZES = {
    "flow": {
        "input_size": 32,
        "encoder": {
            "input_size": 32,
            "output_size": 32,
            "num_blocks": 2,
            "num_up_blocks": 1,
            "attention_heads": 2,
            "linear_units": 48,
        },
        "decoder": {
            "estimator": {"hidden_size": 32, "depth": 2, "num_heads": 2, "head_dim": 16},
        },
    },
    "hift": {"base_channels": 32, "f0_predictor": {"cond_channels": 16}},
}


def voice_checkpoint(models: Path, seed: int = 0, ends: float = ENDS_BY_ITSELF) -> Path:
    """Write Step-Audio-EditX/ without the speaker network below a models folder; return that.

    ``ends`` is the score of the end: with less, speech lasts longer.
    """
    draw = torch.Generator().manual_seed(seed)
    folder = models / "Step-Audio-EditX"
    cosyvoice = folder / "CosyVoice-300M-25Hz"
    cosyvoice.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(tokenizer_model())
    config = language_model_config(len(read_pieces(folder / "tokenizer.model").scored))
    (folder / "config.json").write_text(json.dumps(config))
    write_language_model(folder, config, draw, ends)
    (cosyvoice / "cosyvoice.yaml").write_text(tagged_yaml())
    vocoder = Vocoder(VocoderSizes.model_validate(flat_sizes()))
    flow = {name: tensor.shape for name, tensor in vocoder.flow.state_dict().items()}
    torch.save(drawn(flow, draw), cosyvoice / "flow.pt")
    torch.save(drawn(hift_file_shapes(vocoder.hift), draw), cosyvoice / "hift.pt")
    return models


def language_model_config(pieces: int) -> dict:
    return {
        "architectures": ["Step1ForCausalLM"],
        "model_type": "step1",
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 4,
        "num_attention_groups": 2,
        "num_hidden_layers": 2,
        "max_seq_len": 4096,
        "vocab_size": pieces,
        "rms_norm_eps": 1e-5,
        "bos_token_id": 1,
        "eos_token_id": END,
        "pad_token_id": 0,
        "torch_dtype": "bfloat16",
    }


def write_language_model(folder: Path, config: dict, draw: torch.Generator, ends: float) -> None:
    """Write it as released: an index and one file, bfloat16.

    One dimension of the residual stream is the same everywhere and only the end's row of the
    output matrix looks at it, so that speech comes to an end by itself.
    """
    with torch.device("meta"):
        model = Step1(LanguageModelConfig.model_validate(config))
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    state = drawn(shapes, draw)
    for name, tensor in state.items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            tensor[0] = 0
    state["model.embed_tokens.weight"][:, 0] = 8
    state["lm_head.weight"][:, 0] = 0
    state["model.norm.weight"][0] = 1
    state["lm_head.weight"][END] = 0
    state["lm_head.weight"][END, 0] = ends / 7
    name = "model-00001.safetensors"
    save_file({key: value.bfloat16() for key, value in state.items()}, folder / name)
    index = {"metadata": {}, "weight_map": dict.fromkeys(state, name)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def drawn(shapes: dict, draw: torch.Generator) -> dict[str, torch.Tensor]:
    """Return weights that keep the size of what goes through them; norms near 1."""
    state = {}
    for name, shape in shapes.items():
        fan = max(1, torch.Size(shape[1:]).numel())
        state[name] = torch.randn(shape, generator=draw) * fan**-0.5
        if len(shape) == 1:
            state[name] = state[name] / 10 + (1.0 if "norm" in name.lower() else 0.0)
        if "alpha" in name or name.endswith("original0"):
            state[name] = state[name].abs() + 0.5
    return state


def flat_sizes() -> dict:
    """Return the sizes as the classes name them."""
    flow = dict(SIZES["flow"])
    flow["estimator"] = flow.pop("decoder")["estimator"] | {"in_channels": 320, "out_channels": 80}
    return {"flow": flow, "hift": SIZES["hift"]}


def tagged_yaml() -> str:
    """Return the sizes as the released file has them: every part named by a Python class."""

    class Tagged(yaml.SafeDumper):
        pass

    text = yaml.dump(SIZES, Dumper=Tagged)
    return "".join(
        f"{line} !new:stepvocoder.{line.strip(': ')}.Class\n" if line.endswith(":") else f"{line}\n"
        for line in text.splitlines()
    )

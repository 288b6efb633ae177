"""A small Step1 with its tokenizer: random weights under the released file and tensor names."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tiny_checkpoints.tiny_tokenizer_model import tokenizer_model

from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer

WIDTH, EOS = 96, 3
_ENDING = 2.2
"""How much longer the end's output row is: drawn so often that speech lasts some seconds."""


def language_model_checkpoint(models: Path, seed: int = 0) -> Path:
    """Write the language model's files to Step-Audio-EditX/ below a models folder; return that."""
    folder = models / "Step-Audio-EditX"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(tokenizer_model())
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}')
    vocabulary = len(TextTokenizer.read(folder / "tokenizer.model"))
    config = {
        "architectures": ["Step1ForCausalLM"],
        "model_type": "step1",
        "torch_dtype": "bfloat16",
        "hidden_size": WIDTH,
        "intermediate_size": 96,
        "num_attention_heads": 12,
        "num_attention_groups": 4,
        "num_hidden_layers": 3,
        "max_seq_len": 2048,
        "vocab_size": vocabulary,
        "rms_norm_eps": 1e-5,
        "bos_token_id": 1,
        "pad_token_id": 0,
        "eos_token_id": EOS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    weights = _weights(LanguageModelConfig.model_validate(config), seed)
    save_file(weights, folder / "model-00001.safetensors")
    index = {"weight_map": dict.fromkeys(weights, "model-00001.safetensors")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return models


def _weights(config: LanguageModelConfig, seed: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        empty = Step1(config).state_dict()
    weights = {
        name: torch.ones(weight.shape)
        if weight.dim() == 1
        else torch.randn(weight.shape, generator=draw) * weight.shape[1] ** -0.5
        for name, weight in empty.items()
    }
    weights["lm_head.weight"][EOS] *= _ENDING
    return {name: weight.bfloat16() for name, weight in weights.items()}

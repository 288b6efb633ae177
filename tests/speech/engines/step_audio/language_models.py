"""Small language models for tests."""

from collections.abc import Mapping
from typing import Any

import torch

from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Generator
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

GREEDY = Sampling(temperature=0)

SMALL = LanguageModelConfig(
    hidden_size=48,
    intermediate_size=80,
    num_attention_heads=6,
    num_attention_groups=2,
    num_hidden_layers=2,
    max_seq_len=600,
    vocab_size=200,
    rms_norm_eps=1e-5,
    eos_token_id=3,
)


def empty_model(config: LanguageModelConfig) -> Step1:
    with torch.device("meta"):
        return Step1(config)


def filled_model(config: LanguageModelConfig, weights: Mapping[str, torch.Tensor]) -> Step1:
    model = empty_model(config)
    model.load_state_dict(weights, strict=True, assign=True)
    return model


def random_model(config: LanguageModelConfig, seed: int = 1) -> Step1:
    """A model whose answers depend on what it reads: weights large enough to matter."""
    draw = torch.Generator().manual_seed(seed)
    weights: dict[str, torch.Tensor] = {}
    for name, weight in empty_model(config).state_dict().items():
        noise = torch.randn(weight.shape, generator=draw)
        weights[name] = 1 + noise / 4 if weight.dim() == 1 else noise * 1.5 / weight.shape[1] ** 0.5
    return filled_model(config, weights)


def dirty_buffer(
    config: LanguageModelConfig, requests: int = 1, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """A cache's buffer as it may come: full of NaN."""
    return torch.full((buffer_elements(config, requests),), float("nan"), dtype=dtype)


def all_ids(config: LanguageModelConfig) -> Candidates:
    return Candidates(config.eos_token_id, (range(config.vocab_size),))


def generator(
    model: Step1, sampling: Sampling = GREEDY, requests: int = 8, **options: Any
) -> Generator:
    candidates = options.get("candidates", all_ids(model.config))
    return Generator(model, dirty_buffer(model.config, requests), candidates, sampling)

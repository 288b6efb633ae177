"""What the language model takes on the device, computed from its sizes."""

from dataclasses import dataclass

import torch

from greenroom_speech.engines.step_audio.language_model.cache_layout import buffer_elements
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import PROMPT_BLOCK
from greenroom_speech.engines.step_audio.language_model.step1 import Step1


@dataclass(frozen=True)
class LanguageModelMemory:
    """Bytes on the device."""

    weights: int
    cache: int
    """The static buffer for keys and values."""
    activations: int
    """What computing takes beside them at most; bounded by the longest request."""

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.activations


def language_model_memory(
    config: LanguageModelConfig,
    dtype: torch.dtype,
    longest_requests: int,
    prompt_ids: int,
    new_ids: int,
    rows: int,
    columns: int,
) -> LanguageModelMemory:
    """In bytes, for a cache of so many requests of the greatest length.

    The activations are those of ``rows`` requests of ``prompt_ids`` and ``new_ids`` each that are
    decoded together, with ``columns`` ids to choose from.
    """
    with torch.device("meta"):
        elements = sum(weight.numel() for weight in Step1(config).parameters())
    return LanguageModelMemory(
        elements * dtype.itemsize,
        buffer_elements(config, longest_requests) * dtype.itemsize,
        max(
            _reading(config, dtype, prompt_ids),
            _decoding(config, dtype, prompt_ids + new_ids, rows, columns),
        ),
    )


def _reading(config: LanguageModelConfig, dtype: torch.dtype, prompt_ids: int) -> int:
    """The last block of a prompt: the bias, twice where a kernel pads it, and the widest layer."""
    n = min(PROMPT_BLOCK, prompt_ids)
    bias = 2 * config.num_attention_heads * n * prompt_ids * dtype.itemsize
    positions = 3 * n * prompt_ids * torch.float32.itemsize
    states = n * (7 * config.hidden_size + 2 * config.intermediate_size) * dtype.itemsize
    return bias + positions + states


def _decoding(
    config: LanguageModelConfig, dtype: torch.dtype, reach: int, rows: int, columns: int
) -> int:
    """One step: bias, scores and weights of all heads, keys in float32, scores of the ids."""
    per_head = 3 * torch.float32.itemsize + dtype.itemsize
    attention = rows * config.num_attention_heads * reach * per_head
    keys = rows * config.num_attention_groups * reach * config.head_dim * torch.float32.itemsize
    drawing = rows * columns * (3 * torch.float32.itemsize + 3 * torch.float64.itemsize)
    return attention + keys + drawing

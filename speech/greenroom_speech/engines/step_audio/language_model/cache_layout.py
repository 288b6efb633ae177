"""How the static buffer is cut into rows for the requests at hand."""

import torch

from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.key_value_cache import (
    KeyValueCache,
    elements_per_token,
)

MOST_TOKENS = 8192
"""Prompt and speech together: what the released weights are used with."""
MOST_ROWS = 8
_LEAST_CAPACITY = 1024


def longest(config: LanguageModelConfig) -> int:
    """Tokens that prompt and speech of one request may have together."""
    return min(MOST_TOKENS, config.max_seq_len)


def capacity_for(tokens: int) -> int:
    """A power of two: few different row capacities, so graphs are reused."""
    return max(_LEAST_CAPACITY, 1 << (tokens - 1).bit_length())


def buffer_elements(config: LanguageModelConfig, longest_requests: int) -> int:
    """The buffer's size for so many requests of the greatest length at once."""
    return longest_requests * capacity_for(longest(config)) * elements_per_token(config)


def laid_out(config: LanguageModelConfig, buffer: torch.Tensor, tokens: int) -> KeyValueCache:
    """Cut the buffer into as many rows for ``tokens`` each as there is room for, at most 8."""
    capacity = capacity_for(tokens)
    room = buffer.numel() // (capacity * elements_per_token(config))
    return KeyValueCache(config, buffer, min(MOST_ROWS, room), capacity)

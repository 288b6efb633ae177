"""How the static buffer is cut into rows for the requests at hand."""

import torch

from greenroom_speech.engines.step_audio.language_model.cache_size import (
    capacity_for,
    elements_per_token,
)
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache

MOST_ROWS = 8


def rows_of(config: LanguageModelConfig, buffer: torch.Tensor, tokens: int) -> int:
    """How many rows for ``tokens`` each the buffer has room for, at most 8."""
    return min(MOST_ROWS, buffer.numel() // (capacity_for(tokens) * elements_per_token(config)))


def laid_out(config: LanguageModelConfig, buffer: torch.Tensor, tokens: int) -> KeyValueCache:
    """Cut the buffer into as many rows for ``tokens`` each as there is room for, at most 8."""
    return KeyValueCache(config, buffer, rows_of(config, buffer, tokens), capacity_for(tokens))

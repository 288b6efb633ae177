"""How large the buffer of keys and values is; counted without torch, so that it can be foretold."""

from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig

MOST_TOKENS = 8192
"""Prompt and speech together: what the released weights are used with."""
_LEAST_CAPACITY = 1024


def longest(config: LanguageModelConfig) -> int:
    """Tokens that prompt and speech of one request may have together."""
    return min(MOST_TOKENS, config.max_seq_len)


def capacity_for(tokens: int) -> int:
    """A power of two: few different row capacities, so graphs are reused."""
    return max(_LEAST_CAPACITY, 1 << (tokens - 1).bit_length())


def elements_per_token(config: LanguageModelConfig) -> int:
    """Of the keys and values in all layers."""
    return config.num_hidden_layers * 2 * config.num_attention_groups * config.head_dim


def buffer_elements(config: LanguageModelConfig, longest_requests: int) -> int:
    """The buffer's size for so many requests of the greatest length at once."""
    return longest_requests * capacity_for(longest(config)) * elements_per_token(config)

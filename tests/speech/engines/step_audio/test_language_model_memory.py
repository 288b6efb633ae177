"""What is said of the memory against what is allocated."""

import pytest
import torch
from language_models import GREEDY, SMALL, all_ids, generator, random_model
from test_step1 import RELEASED

from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Prompt
from greenroom_speech.engines.step_audio.language_model.memory import (
    LanguageModelMemory,
    language_model_memory,
)

TOKENS_PER_SECOND = 125 / 3
WORDS = 300
SPEECH_COLUMNS = 1 + 1024 + 4096


def peak_allocated(prompt: list[int]) -> int:
    """Bytes that generating from a prompt allocates at most, at a time."""
    maker = generator(random_model(SMALL), GREEDY, requests=1)
    with torch.profiler.profile(profile_memory=True) as profile:
        maker.generate([Prompt(prompt, 0, 5)])
    events = profile.profiler.kineto_results.events()
    changes = sorted(
        (event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]"
    )
    peak = allocated = 0
    for _, change in changes:
        allocated += change
        peak = max(peak, allocated)
    return peak


def told(prompt_ids: int) -> LanguageModelMemory:
    return language_model_memory(
        SMALL, torch.float32, 1, prompt_ids, 5, rows=1, columns=len(all_ids(SMALL).ids)
    )


@pytest.mark.parametrize("length", [100, 300, 590])
def test_activations_are_what_is_allocated(length: int) -> None:
    measured = peak_allocated([4 + n % 150 for n in range(length)])
    assert 0.4 * told(length).activations < measured < told(length).activations


def test_reading_grows_in_proportion_to_the_length() -> None:
    """A whole bias would make it grow with the square."""
    assert peak_allocated([5] * 580) < 2.2 * peak_allocated([5] * 290)


def test_released_size_for_half_a_minute() -> None:
    config = LanguageModelConfig.model_validate(RELEASED)
    prompt, new = WORDS + round(30 * TOKENS_PER_SECOND), round(30 * TOKENS_PER_SECOND)
    memory = language_model_memory(config, torch.bfloat16, 4, prompt, new, 1, SPEECH_COLUMNS)
    assert memory.weights == pytest.approx(7.06e9, rel=0.001)
    assert memory.cache == 4 * 8192 * 32 * 2 * 256 * 2
    assert memory.activations < 0.2e9
    assert memory.total < 8.4e9

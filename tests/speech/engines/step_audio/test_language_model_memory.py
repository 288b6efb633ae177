"""What reading a prompt allocates."""

import torch
from language_models import GREEDY, SMALL, generator, random_model

from greenroom_speech.engines.step_audio.language_model.generation import Prompt


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


def test_reading_grows_in_proportion_to_the_length() -> None:
    """A whole bias would make it grow with the square."""
    assert peak_allocated([5] * 580) < 2.2 * peak_allocated([5] * 290)

"""Captured decoding steps against plain ones."""

import pytest
import torch
from language_models import GREEDY, SMALL, all_ids, dirty_buffer, random_model

from greenroom.managed.arena import Arena
from greenroom_speech.engines.step_audio.language_model.decode_graphs import GraphedSteps
from greenroom_speech.engines.step_audio.language_model.decode_step import PlainSteps
from greenroom_speech.engines.step_audio.language_model.generation import Generator, Prompt

pytestmark = pytest.mark.gpu

PROMPTS = [
    Prompt([5 + seed] * length, seed, most_new=30) for seed, length in enumerate((9, 300, 40))
]


def test_captured_steps_decode_the_same() -> None:
    model = random_model(SMALL).to("cuda")
    graphed = Generator(model, dirty_buffer(SMALL, 4).to("cuda"), all_ids(SMALL), GREEDY)
    assert isinstance(graphed._steps, GraphedSteps)
    plain = Generator(model, dirty_buffer(SMALL, 4).to("cuda"), all_ids(SMALL), GREEDY)
    plain._steps = PlainSteps(model, all_ids(SMALL).ranges, plain._slopes)
    assert graphed.generate(PROMPTS) == plain.generate(PROMPTS)


def test_captured_steps_outlive_an_offload() -> None:
    model = random_model(SMALL)
    arena = Arena(model, "cuda")
    arena.restore()
    buffer = arena.scratch(dirty_buffer(SMALL, 4).shape, torch.float32)
    generator = Generator(model, buffer, all_ids(SMALL), GREEDY)
    before = generator.generate(PROMPTS)
    arena.offload()
    arena.restore()
    assert generator.generate(PROMPTS) == before
    arena.close()

"""The language model from files, in an arena: from a text to the codes of speech."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny_checkpoints.tiny_language_model import language_model_checkpoint

from greenroom.managed.arena import Arena
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import read_config
from greenroom_speech.engines.step_audio.language_model.generation import (
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.prompts import clone, ids_of
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer


@dataclass
class Voice:
    """All that an engine puts together."""

    arena: Arena
    tokenizer: TextTokenizer
    generator: Generator

    def codes(self, seeds: list[int]) -> list[list[int]]:
        asked = clone("I had a quiet day.", range(0, 600, 6), "hello world")
        ids = ids_of(asked, "B", self.tokenizer)
        answers = self.generator.generate([Prompt(ids, seed, most_new=60) for seed in seeds])
        assert all(isinstance(answer, GeneratedSpeech) for answer in answers)
        return [self.tokenizer.audio.codes(answer.ids) for answer in answers]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bf16"])
def voice(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Voice]:
    folder = language_model_checkpoint(tmp_path) / "Step-Audio-EditX"
    config = read_config(folder / "config.json")
    tokenizer = TextTokenizer.read(folder / "tokenizer.model")
    with torch.device("meta"):
        model = Step1(config).to(request.param)
    arena = Arena(model)
    arena.read(model, folder)
    arena.restore()
    buffer = arena.scratch((buffer_elements(config, 2),), request.param)
    candidates = Candidates.of_speech(config.eos_token_id, tokenizer.audio)
    yield Voice(arena, tokenizer, Generator(model, buffer, candidates, Sampling()))
    arena.close()


def test_speech_from_files(voice: Voice) -> None:
    said = voice.codes([1, 2, 3])
    assert all(0 <= code < 5120 for codes in said for code in codes)
    assert len({tuple(codes) for codes in said}) == 3


def test_the_same_before_and_after_an_offload(voice: Voice) -> None:
    before = voice.codes([1, 2])
    voice.arena.offload()
    assert voice.arena.memory().device_bytes == 0
    voice.arena.restore()
    assert voice.codes([1, 2]) == before

"""Several prompts decoded together: each as if it were alone."""

import dataclasses
import random
from collections.abc import Callable

import pytest
import torch
from language_models import GREEDY, SMALL, all_ids, dirty_buffer, generator, random_model

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.audio_ids import AudioIds
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.generation import (
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

AUDIO = AudioIds(first=20)
SPEAKING = SMALL.model_copy(update={"vocab_size": 20 + 5120})
DRAWN = Sampling(temperature=1.0)


@pytest.fixture(scope="module")
def model() -> Step1:
    return random_model(SMALL)


def prompts(lengths: list[int], most_new: int | None = 30) -> list[Prompt]:
    draw = random.Random(5)
    return [
        Prompt([draw.randrange(4, SMALL.vocab_size) for _ in range(length)], seed, most_new)
        for seed, length in enumerate(lengths)
    ]


def speech(answer: GeneratedSpeech | Exception) -> GeneratedSpeech:
    assert isinstance(answer, GeneratedSpeech)
    return answer


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN, Sampling(True, 0.7, 20)])
def test_together_as_alone(model: Step1, sampling: Sampling) -> None:
    asked = prompts([300, 1, 40, 257, 7])
    maker = generator(model, sampling)
    together = maker.generate(asked)
    assert together == [maker.generate([prompt])[0] for prompt in asked]
    assert all(speech(answer).ids for answer in together)


def test_each_ends_on_its_own(model: Step1) -> None:
    asked = [dataclasses.replace(prompt, most_new=n) for prompt, n in
             zip(prompts([30, 5, 90, 60]), (3, 25, 1, 9), strict=True)]  # fmt: skip
    maker = generator(model)
    answers = [speech(answer) for answer in maker.generate(asked)]
    assert answers == [speech(maker.generate([prompt])[0]) for prompt in asked]
    assert [len(answer.ids) for answer in answers] == [3, 25, 1, 9]
    assert not any(answer.ended for answer in answers)


def test_finished_rows_leave_the_batch(model: Step1, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [dataclasses.replace(prompt, most_new=n) for prompt, n in
             zip(prompts([9, 9, 9]), (4, 1, 2), strict=True)]  # fmt: skip
    maker = generator(model)
    batches = batch_sizes(maker, monkeypatch)
    maker.generate(asked)
    assert batches == [3, 2, 1, 1]


def test_who_finds_no_room_starts_later(model: Step1, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [dataclasses.replace(prompt, most_new=n) for prompt, n in
             zip(prompts([30, 5, 90, 60, 12]), (6, 2, 4, 3, 2), strict=True)]  # fmt: skip
    narrow, wide = generator(model, requests=2), generator(model, requests=8)
    batches = batch_sizes(narrow, monkeypatch)
    assert narrow.generate(asked) == wide.generate(asked)
    assert batches == [2] * 8 + [1]


def batch_sizes(maker: Generator, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    scores = maker._steps.scores

    def counted(cache: object, ids: list[int], positions: list[int]) -> torch.Tensor:
        sizes.append(len(ids))
        return scores(cache, ids, positions)  # type: ignore[arg-type]

    monkeypatch.setattr(maker._steps, "scores", counted)
    return sizes


def test_the_seed_decides(model: Step1) -> None:
    (prompt,) = prompts([40])
    maker = generator(model, DRAWN)

    def said(seed: int) -> list[int]:
        return speech(maker.generate([dataclasses.replace(prompt, seed=seed)])[0]).ids

    assert said(1) == said(1)
    assert len({tuple(said(seed)) for seed in (0, 1, 2, -1, 2**63 - 1)}) == 5


def test_the_end_is_not_part_of_the_speech(model: Step1) -> None:
    (prompt,) = prompts([40])
    (long,) = generator(model).generate([prompt])
    fifth = speech(long).ids[4]
    before = speech(long).ids[: speech(long).ids.index(fifth)]
    ending = generator(model, candidates=Candidates(fifth, (range(SMALL.vocab_size),)))
    assert ending.generate([prompt]) == [GeneratedSpeech(before, ended=True)]


def test_prompt_and_speech_fit_the_models_length(model: Step1) -> None:
    (prompt,) = prompts([SMALL.max_seq_len - 6], most_new=None)
    never = Candidates(-1, (range(SMALL.vocab_size),))
    (answer,) = generator(model, candidates=never).generate([prompt])
    assert (len(speech(answer).ids), speech(answer).ended) == (6, False)


@pytest.mark.parametrize("length", [0, SMALL.max_seq_len, SMALL.max_seq_len + 1])
def test_a_prompt_of_no_use_is_refused_alone(model: Step1, length: int) -> None:
    good = prompts([20])[0]
    wrong, right = generator(model).generate([Prompt([5] * length, 0), good])
    assert isinstance(wrong, InvalidInput)
    assert f"{length} tokens; it must have 1 to {SMALL.max_seq_len - 1}" in str(wrong)
    assert right == generator(model).generate([good])[0]


def test_weights_that_are_no_numbers_are_an_error_not_a_speech() -> None:
    broken = random_model(SMALL)
    broken.model.norm.weight.data[0] = float("nan")
    for sampling in (GREEDY, DRAWN):
        (answer,) = generator(broken, sampling).generate(prompts([9]))
        assert "not finite" in str(answer)


def test_only_speech_is_generated() -> None:
    model = random_model(SPEAKING)
    candidates = Candidates.of_speech(SPEAKING.eos_token_id, AUDIO)
    answers = generator(model, DRAWN, candidates=candidates).generate(prompts([30, 8], 200))
    ids = [number for answer in answers for number in speech(answer).ids]
    assert len(ids) > 100
    assert all(number in AUDIO.linguistic or number in AUDIO.semantic for number in ids)


def test_two_of_one_codebook_then_three_of_the_other() -> None:
    model = random_model(SPEAKING)
    candidates = Candidates.of_speech(SPEAKING.eos_token_id, AUDIO, ordered=True)
    answers = generator(model, DRAWN, candidates=candidates).generate(prompts([30, 8], 103))
    for answer in answers:
        ids = speech(answer).ids
        assert len(ids) == 103 or speech(answer).ended
        for place, number in enumerate(ids):
            assert number in (AUDIO.linguistic if place % 5 < 2 else AUDIO.semantic)


def test_a_buffer_of_any_content_will_do(model: Step1) -> None:
    asked = prompts([300, 12])
    maker = generator(model, requests=2)
    first = maker.generate(asked)
    maker._buffer.fill_(float("inf"))
    assert maker.generate(asked) == first


@pytest.mark.parametrize(
    ("look", "wanted"),
    [
        (lambda: AUDIO.codes([20, 21, 20 + 5119]), [0, 1, 5119]),
        (lambda: all_ids(SMALL).forbidden, None),
        (lambda: dirty_buffer(SMALL).numel(), 1024 * 2 * 2 * 2 * 8),
    ],
)
def test_small_facts(look: Callable[[], object], wanted: object) -> None:
    assert look() == wanted

"""Drawing an id: as often as its share, and by its own row's number alone."""

import random

import pytest
import torch

from greenroom_speech.engines.step_audio.language_model.sampling import Sampling, drawn, repeated

WARM = Sampling(temperature=1.0)


def test_columns_come_as_often_as_their_share() -> None:
    shares = torch.tensor([0.1, 0.0, 0.6, 0.3])
    chances = [(n + 0.5) / 1000 for n in range(1000)]
    columns = drawn(shares.log().expand(1000, -1), chances, WARM)
    assert [columns.count(column) for column in range(4)] == [100, 0, 600, 300]


def test_a_row_does_not_depend_on_the_others() -> None:
    scores = torch.randn(6, 500, generator=torch.Generator().manual_seed(1))
    chances = [random.Random(3).random() for _ in range(6)]
    alone = [
        drawn(row[None], [chance], WARM)[0] for row, chance in zip(scores, chances, strict=True)
    ]
    assert drawn(scores, chances, WARM) == alone


@pytest.mark.parametrize("chance", [0.0, 0.5, 1 - 2**-53])
def test_what_may_not_come_does_not(chance: float) -> None:
    scores = torch.full((1, 10), float("-inf"))
    scores[0, [3, 6]] = torch.tensor([1.0, -30.0])
    assert drawn(scores, [chance], WARM)[0] in (3, 6)


def test_top_k_draws_among_the_best() -> None:
    scores = torch.arange(20.0)[None]
    chances = [n / 200 for n in range(200)]
    columns = drawn(scores.expand(200, -1), chances, Sampling(temperature=5.0, top_k=3))
    assert set(columns) == {17, 18, 19}
    assert set(drawn(scores, [0.3], Sampling(top_k=99))) <= set(range(20))


def test_zero_temperature_takes_the_best() -> None:
    assert drawn(torch.tensor([[0.0, 3.0, 1.0]]), [0.999], Sampling(temperature=0)) == [1]


@pytest.mark.parametrize("sampling", [WARM, Sampling(temperature=0)])
def test_a_row_without_numbers_gives_no_column(sampling: Sampling) -> None:
    scores = torch.tensor([[0.0, float("nan"), 1.0], [0.0, 9.0, 1.0]])
    assert drawn(scores, [0.5, 0.5], sampling) == [3, 1]


def test_repetition_needs_a_full_window() -> None:
    assert repeated([7] * 9) is None
    assert repeated([7] * 10) == 7
    assert repeated([*range(9), 9]) is None
    assert repeated([3, *range(10, 18), 3]) == 3
    assert repeated([3, *range(10, 19), 3]) is None

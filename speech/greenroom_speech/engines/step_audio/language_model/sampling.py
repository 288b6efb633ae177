"""How the next id is drawn from the scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

REPETITION_WINDOW = 10
REPETITIONS = 2


@dataclass(frozen=True)
class Sampling:
    """The rules, in the order in which they are applied."""

    repetition_aware: bool = False
    """Do not draw the newest id again when it is there twice among the last ten."""
    temperature: float = 0.7
    """Divides the scores; 0: the best id is taken, nothing is drawn."""
    top_k: int = 0
    """Draw among so many of the best; 0: among all."""


def repeated(ids: Sequence[int]) -> int | None:
    """The newest id if it may not come again; prompt ids count, fewer than ten never do.

    Repetition-aware sampling: VALL-E 2 (Chen et al. 2024), here as a ban on one id.
    """
    window = ids[-REPETITION_WINDOW:]
    if len(window) == REPETITION_WINDOW and window.count(window[-1]) >= REPETITIONS:
        return window[-1]
    return None


def filtered(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Scores (n, columns) after temperature and top-k, -inf where nothing is drawn."""
    scores = scores / sampling.temperature
    if 0 < sampling.top_k < scores.shape[-1]:
        least = scores.topk(sampling.top_k, dim=-1).values[:, -1:]
        scores = scores.masked_fill(scores < least, float("-inf"))
    return scores


def drawn(scores: torch.Tensor, chances: Sequence[float], sampling: Sampling) -> list[int]:
    """A column for each row of scores (n, columns).

    ``chances`` are numbers in [0, 1), one per row: which column it is depends on the row's own
    scores and number alone. A row without a finite score gives the number of columns.
    """
    if sampling.temperature == 0:
        best = scores.argmax(dim=-1).masked_fill(scores.isnan().any(dim=-1), scores.shape[-1])
        return best.tolist()
    shares = torch.softmax(filtered(scores, sampling), dim=-1, dtype=torch.float64).cumsum(dim=-1)
    wanted = torch.tensor(chances, dtype=torch.float64).to(shares.device).unsqueeze(-1)
    return torch.searchsorted(shares, wanted * shares[:, -1:], right=True).squeeze(-1).tolist()

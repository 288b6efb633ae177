"""Products of many rows with packed weights.

The kernels for packed weights are made for the few rows of a decoding step. From a number of rows
on, which is measured, a matrix is dequantised into one scratch, multiplied in bfloat16 as any
other, and forgotten.
"""

import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

NEVER = 2**62
LARGEST_BLOCK = 256
"""Rows of a prompt's blocks."""
_SIZES = (LARGEST_BLOCK, 128, 64, 32, 16)
"""Rows that are tried, all more than a decoding step has."""
_ROUNDS = 3
log = logging.getLogger("greenroom.step_audio")


class ManyRows:
    """What the packed projections of one model share: the scratch, and when it is used."""

    def __init__(self) -> None:
        self._scratch: torch.Tensor | None = None
        self.least = NEVER
        """Rows from which on a matrix is dequantised."""

    def use(self, scratch: torch.Tensor, least: int = NEVER) -> None:
        """``scratch`` is 1-D, bfloat16, as long as the largest matrix has elements."""
        self._scratch, self.least = scratch, least

    def matrix(self, rows: int, columns: int) -> torch.Tensor:
        """The scratch as a matrix with any content."""
        assert self._scratch is not None, "the engine gives a scratch before anything runs"
        return self._scratch[: rows * columns].view(rows, columns)


def least_rows(
    few: Callable[[torch.Tensor], torch.Tensor],
    many: Callable[[torch.Tensor], torch.Tensor],
    example: torch.Tensor,
    kept: Path,
    key: str,
) -> int:
    """From how many rows on ``many`` is the faster one, measured with ``example``'s first rows.

    What was measured once is read from the file ``kept``: the two round differently, so a number
    that changed from one load to the next would change what a seed gives.
    """
    known = _read(kept)
    if key not in known:
        least = NEVER
        for rows in _SIZES:
            if _seconds(few, example[:rows]) <= _seconds(many, example[:rows]):
                break
            least = rows
        known[key] = least
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(known), encoding="utf-8")
        except OSError as error:
            log.warning("%s cannot be written: %s", kept, error.strerror)
    return known[key]


def _read(kept: Path) -> dict[str, int]:
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    right = isinstance(found, dict) and all(type(value) is int for value in found.values())
    return found if right else {}


def _seconds(product: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> float:
    taken = []
    for _ in range(1 + _ROUNDS):
        begin = time.perf_counter()
        product(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])

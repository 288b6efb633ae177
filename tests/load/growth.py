"""Whether something grows from cycle to cycle: the Theil-Sen slope of samples, and its limit.

The slope is the median of the slopes between all pairs of samples, so that a few samples that
were taken in an unlucky moment do not move it. The first cycles are left out: caches fill, and
allocators find their size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import theilslopes

WARM_UP = 8
"""Cycles that are left out."""
LEAST = 8
"""Cycles that a slope needs."""


@dataclass(frozen=True)
class Growth:
    """A slope per 100 cycles with the 95 % interval around it, and the medians of both ends."""

    name: str
    first: float
    last: float
    slope: float
    low: float
    high: float
    limit: float

    @property
    def kept(self) -> bool:
        """Whether it stays within the limit."""
        return self.slope <= self.limit


def growth(name: str, samples: Sequence[float], limit: float) -> Growth:
    """Judge samples of which each was taken one cycle after the last.

    Raises ValueError if there are too few.
    """
    kept = np.asarray(samples[WARM_UP:], float)
    if kept.size < LEAST:
        raise ValueError(
            f"{name} has {len(samples)} samples; {WARM_UP + LEAST} are needed for a slope"
        )
    slope, _, low, high = theilslopes(kept, np.arange(kept.size))
    third = kept.size // 3
    return Growth(
        name,
        first=float(np.median(kept[:third])),
        last=float(np.median(kept[-third:])),
        slope=100 * slope,
        low=100 * low,
        high=100 * high,
        limit=limit,
    )

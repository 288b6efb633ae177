"""What must hold for a run to count as passed.

| name | bounds | of |
|---|---|---|
| `failures` | at most | requests that were not answered well |
| `p95` | at most | seconds of 95 % of the requests |
| `first` | at most | seconds until 95 % of who listen as it is made hear something |
| `loads` | at most | loads of any one model |
| `cold`, `warm` | at least | requests that found their model so |
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

AT_LEAST = frozenset({"cold", "warm"})
AT_MOST = frozenset({"failures", "first", "loads", "p95"})


@dataclass(frozen=True)
class Judged:
    """One limit beside what was measured."""

    name: str
    bound: float
    measured: float

    @property
    def kept(self) -> bool:
        """Whether it holds."""
        if self.name in AT_LEAST:
            return self.measured >= self.bound
        return self.measured <= self.bound

    def __str__(self) -> str:
        side = "at least" if self.name in AT_LEAST else "at most"
        verdict = "kept" if self.kept else "NOT kept"
        return f"{self.name} {self.measured:.4g}, {side} {self.bound:g}: {verdict}"


def limit(text: str) -> tuple[str, float]:
    """Read `name=number`; ValueError says what is wrong."""
    name, _, number = text.partition("=")
    if name not in AT_LEAST | AT_MOST:
        raise ValueError(f"limit {name!r} is unknown; there are {', '.join(_names())}")
    try:
        return name, float(number)
    except ValueError:
        raise ValueError(f"limit {name!r} is {number!r}, which is no number") from None


def judged(
    limits: Mapping[str, float], over: Iterable[tuple[str, float]], measured: Mapping[str, float]
) -> list[Judged]:
    """Compare; `over` replaces and adds limits."""
    bounds = {**limits, **dict(over)}
    return [Judged(name, bound, measured[name]) for name, bound in bounds.items()]


def _names() -> list[str]:
    return sorted(AT_LEAST | AT_MOST)

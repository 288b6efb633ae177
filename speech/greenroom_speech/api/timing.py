"""How a request went, as its answer's headers tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from greenroom.plugin import AppLease


@dataclass(frozen=True)
class Timing:
    """When a request had its lease, and how long each of its models took."""

    start: str
    """cold, warm or hot: the coldest of its models when it asked."""
    waited: float
    """Seconds until it had its lease."""
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which each model has been asked until now."""

    @classmethod
    def of(cls, lease: AppLease) -> Self:
        return cls(lease.start, lease.waited, lease.seconds)

    def headers(self) -> dict[str, str]:
        """Seconds, but milliseconds in Server-Timing, which browsers show."""
        stages = {"wait": self.waited, **self.stages}
        timing = ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in stages.items())
        return {
            "X-Greenroom-Start": self.start,
            "X-Greenroom-Wait-Seconds": f"{self.waited:.3f}",
            "Server-Timing": timing,
        }

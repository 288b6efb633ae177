"""How a request went, as its answer's headers tell it."""

import time
from dataclasses import dataclass, field

from greenroom.plugin import AppLease, Array, Tensors


@dataclass
class Timing:
    """When a request had its lease, and how long each of its models took."""

    start: str
    """cold, warm or hot: the coldest of its models when it asked."""
    waited: float
    """Seconds until it had its lease."""
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds of each model's call."""

    def headers(self) -> dict[str, str]:
        """Seconds, but milliseconds in Server-Timing, which browsers show."""
        stages = {"wait": self.waited, **self.stages}
        timing = ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in stages.items())
        return {
            "X-Greenroom-Start": self.start,
            "X-Greenroom-Wait-Seconds": f"{self.waited:.3f}",
            "Server-Timing": timing,
        }


class TimedLease:
    """A lease whose calls are timed."""

    def __init__(self, lease: AppLease) -> None:
        self._lease = lease
        self.timing = Timing(lease.start, lease.waited)

    async def infer(self, model: str, tensors: Tensors) -> dict[str, Array]:
        """Ask one of the held models."""
        begin = time.perf_counter()
        outputs = await self._lease.infer(model, tensors)
        self.timing.stages[model] = time.perf_counter() - begin
        return outputs

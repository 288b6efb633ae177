"""What is counted while a trace is played: requests, waits, evictions, memory held over time."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from greenroom.residency.model import Ticket
from greenroom.residency.states import Residency

_PERCENTILES = (50, 95, 99)


@dataclass
class HeldBytesOverTime:
    """Bytes over time."""

    byte_seconds: float = 0.0
    largest: int = 0
    _now: int = 0
    _since: float = 0.0

    def add(self, now: float, more: int) -> None:
        """Count what is held from now on beyond what was."""
        self.byte_seconds += self._now * (now - self._since)
        self._now, self._since = self._now + more, now
        self.largest = max(self.largest, self._now)


@dataclass
class Tally:
    """Of one machine or of many together."""

    starts: Counter[Residency] = field(default_factory=Counter)
    """Requests that were served, by the state of their coldest model when they came."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that were not, by the reason."""
    transitions: Counter[str] = field(default_factory=Counter)
    evictions: int = 0
    waits: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds from asking to the lease, of those served."""
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds from asking to the answer."""
    queued: "array[float]" = field(default_factory=lambda: array("d"))
    """Seconds from asking to the answer that were not work."""
    lost_seconds: float = 0.0
    """Seconds that refused requests had waited."""
    device: HeldBytesOverTime = field(default_factory=HeldBytesOverTime)
    host: HeldBytesOverTime = field(default_factory=HeldBytesOverTime)
    """Copies of the weights in host memory."""
    busy_byte_seconds: float = 0.0
    """What would be held if models came for each time of use, with a load, and went at its end."""
    busy_times: int = 0
    """Times of use: from a first request for a model until nobody asks for it any more."""

    def served(self, ticket: Ticket, came_at: float, seconds: float, now: float) -> None:
        """Count an answer; a request that was sent again has waited since it came first."""
        self.starts[ticket.start] += 1
        self.waits.append((ticket.granted_at or now) - came_at)
        self.latencies.append(now - came_at)
        self.queued.append(max(0.0, now - came_at - seconds))

    @property
    def waited(self) -> float:
        """Seconds that all requests waited together, for their models."""
        return sum(self.waits) + self.lost_seconds

    def as_json(self) -> dict[str, Any]:
        """Under the names of ``--json``."""
        refused = sum(self.refused.values())
        return {
            "requests": sum(self.starts.values()) + refused,
            "hot": self.starts[Residency.HOT],
            "warm": self.starts[Residency.WARM],
            "cold": self.starts[Residency.COLD],
            "refused": refused,
            "refused_because": dict(self.refused),
            "evictions": self.evictions,
            "transitions": {str(name): count for name, count in self.transitions.items()},
            "wait_seconds": percentiles(self.waits) | {"total": self.waited},
            "queue_seconds": percentiles(self.queued),
            "request_seconds": percentiles(self.latencies),
            "device_byte_seconds": self.device.byte_seconds,
            "largest_device_bytes": self.device.largest,
            "host_byte_seconds": self.host.byte_seconds,
        }


def percentiles(values: "array[float]") -> dict[str, float]:
    """p50, p95, p99 and the mean; 0 of nothing."""
    found = np.frombuffer(values) if values else np.zeros(1)
    named = zip(_PERCENTILES, np.percentile(found, _PERCENTILES), strict=True)
    return {f"p{percent}": round(float(value), 6) for percent, value in named} | {
        "mean": round(float(found.mean()), 6)
    }

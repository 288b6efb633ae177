"""What models keep of earlier results, by the metrics that they count on Triton's port."""

import asyncio
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from greenroom.errors import ServerDown
from greenroom.settings import Settings
from greenroom.triton.metrics import triton_metrics

_PREFIX = "greenroom_cache_"
_SERIES = {
    "greenroom_cache_entries": "entries",
    "greenroom_cache_bytes": "bytes",
    "greenroom_cache_hits_total": "hits",
    "greenroom_cache_misses_total": "misses",
}
_TIMEOUT = 0.5
"""Seconds; whoever looks at the models does not wait for a Triton that hangs."""
_FRESH = 0.25
"""Seconds for which numbers are shown again, so that many who look cost Triton no more than one."""

Cache = Mapping[str, int]
"""Entries and bytes that are kept now; hits and misses since Triton was started."""


class Caches:
    """Reads the numbers; a model is not asked and does not notice."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read: Mapping[str, Cache] = {}
        self._read_at: float | None = None
        self._reading: asyncio.Task[None] | None = None

    async def read(self, now: float) -> Mapping[str, Cache]:
        """Only models that have counted any; none while Triton is silent."""
        if not self._reading and (self._read_at is None or now - self._read_at > _FRESH):
            self._read_at = now
            self._reading = asyncio.create_task(self._ask())
        if self._reading:
            await asyncio.shield(self._reading)  # others await the same one
        return self._read

    def forget(self) -> None:
        """Read anew at the next look: something has been cleared."""
        self._read_at = self._reading = None

    async def _ask(self) -> None:
        try:
            self._read = caches(await triton_metrics(self._settings, _TIMEOUT))
        except (ServerDown, ValueError, KeyError):  # silent, or what it says is no metrics
            self._read = {}
        finally:
            if self._reading is asyncio.current_task():
                self._reading = None


def caches(metrics: str) -> dict[str, Cache]:
    """Find the caches in the text of Triton's metrics, by model."""
    lines = [line for line in metrics.splitlines() if _PREFIX in line]
    found: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families("\n".join(lines) + "\n"):
        for sample in family.samples:
            if sample.name in _SERIES:
                cache = found.setdefault(sample.labels["model"], dict.fromkeys(_SERIES.values(), 0))
                cache[_SERIES[sample.name]] = int(sample.value)
    return dict(found)

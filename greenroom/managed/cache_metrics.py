"""A result cache's counters on Triton's metrics port."""

from typing import Any

import triton_python_backend_utils as pb_utils

from greenroom.managed.result_cache import ResultCache


class CacheMetrics:
    """Hits, misses, entries and bytes of one model's cache."""

    def __init__(self, model: str, cache: ResultCache[Any]) -> None:
        self._cache = cache
        labels = {"model": model}
        counter, gauge = pb_utils.MetricFamily.COUNTER, pb_utils.MetricFamily.GAUGE
        # Triton drops a family when its Python object goes, so they are held here.
        self._families = [
            pb_utils.MetricFamily(
                name="greenroom_cache_hits_total",
                description="Requests answered from the model's result cache",
                kind=counter,
            ),
            pb_utils.MetricFamily(
                name="greenroom_cache_misses_total",
                description="Requests whose result had to be computed",
                kind=counter,
            ),
            pb_utils.MetricFamily(
                name="greenroom_cache_bytes",
                description="Bytes of results kept",
                kind=gauge,
            ),
            pb_utils.MetricFamily(
                name="greenroom_cache_entries",
                description="Results kept",
                kind=gauge,
            ),
        ]
        self._hits, self._misses, self._bytes, self._entries = (
            family.Metric(labels=labels) for family in self._families
        )

        self._told_hits = self._told_misses = 0

    def update(self) -> None:
        """Add to the metrics what the cache has counted since the last update.

        Not up to ``Metric.value()``: in Triton a metric outlives the model's process, so a
        counter goes on from where the last process left it.
        """
        hits, misses = self._cache.hits, self._cache.misses
        self._hits.increment(hits - self._told_hits)
        self._misses.increment(misses - self._told_misses)
        self._bytes.set(self._cache.held_bytes)
        self._entries.set(self._cache.entries)
        self._told_hits, self._told_misses = hits, misses

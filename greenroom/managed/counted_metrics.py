"""What an engine counts on Triton's metrics port."""

from collections.abc import Mapping

import triton_python_backend_utils as pb_utils

from greenroom.managed.counted import Counted


class CountedMetrics:
    """One counter for each key that the engine has counted."""

    def __init__(self, model: str, counted: Counted) -> None:
        self._model, self._counted = model, counted
        # Triton drops a family when its Python object goes, so it is held here.
        self._family = pb_utils.MetricFamily(
            name=counted.name,
            description=counted.description,
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._told: Mapping[str, int] = {}
        self._metrics: dict[str, pb_utils.Metric] = {}

    def update(self) -> None:
        """Add what the engine has counted since the last update."""
        values = dict(self._counted.values)
        for key, value in values.items():
            if key not in self._metrics:
                labels = {"model": self._model, self._counted.label: key}
                self._metrics[key] = self._family.Metric(labels=labels)
            self._metrics[key].increment(value - self._told.get(key, 0))
        self._told = values

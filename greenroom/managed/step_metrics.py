"""A stepped model's steps and rows on Triton's metrics port."""

import triton_python_backend_utils as pb_utils

_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]


class StepMetrics:
    """How long steps last, and what becomes of the requests in hand."""

    def __init__(self, model: str) -> None:
        # Triton drops a family when its Python object goes, so they are held here.
        self._families = [
            pb_utils.MetricFamily(
                name="greenroom_step_seconds",
                description="Seconds of one step of all active rows",
                kind=pb_utils.MetricFamily.HISTOGRAM,
            ),
            pb_utils.MetricFamily(
                name="greenroom_rows",
                description="Answers in progress: active, waiting for a row, or paused streams",
                kind=pb_utils.MetricFamily.GAUGE,
            ),
        ]
        steps, rows = self._families
        self._steps = steps.Metric(labels={"model": model}, buckets=_BUCKETS)
        self._rows = {
            state: rows.Metric(labels={"model": model, "state": state})
            for state in ("work", "waiting", "paused")
        }

    def step(self, seconds: float) -> None:
        """Count one step."""
        self._steps.observe(seconds)

    def rows(self, work: int, waiting: int, paused: int) -> None:
        """Say what is in hand now."""
        for state, count in (("work", work), ("waiting", waiting), ("paused", paused)):
            self._rows[state].set(count)

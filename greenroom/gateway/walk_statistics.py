"""What walked ensembles have answered, in Triton's statistics: Triton is never asked for them.

perf_analyzer refuses an ensemble whose count stays where it was.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tritonclient.grpc import service_pb2 as pb


@dataclass
class _Ended:
    count: int = 0
    ns: int = 0

    def add(self, ns: int) -> None:
        self.count += 1
        self.ns += ns


@dataclass
class _Answers:
    success: _Ended
    fail: _Ended
    last: int = 0
    """Unix time of the last success in milliseconds."""

    def shown(self) -> dict[str, _Ended]:
        """By Triton's names. As far as it is known all of the time was for computing."""
        passed = _Ended(self.success.count)
        return {
            "success": self.success,
            "fail": self.fail,
            "queue": passed,
            "compute_input": passed,
            "compute_infer": self.success,
            "compute_output": passed,
        }


class WalkStatistics:
    """Counts by model since the start of the gateway."""

    def __init__(self) -> None:
        self._of: defaultdict[str, _Answers] = defaultdict(lambda: _Answers(_Ended(), _Ended()))

    @contextmanager
    def counted(self, model: str) -> Iterator[None]:
        """One answer, which failed if this raises."""
        began = time.perf_counter_ns()
        try:
            yield
        except BaseException:
            self._of[model].fail.add(time.perf_counter_ns() - began)
            raise
        answers = self._of[model]
        answers.success.add(time.perf_counter_ns() - began)
        answers.last = time.time_ns() // 10**6

    def fill(self, told: pb.ModelStatisticsResponse) -> None:
        """Put the counts where Triton has its own."""
        for one in told.model_stats:
            if answers := self._of.get(one.name):
                one.inference_count = one.execution_count = answers.success.count
                one.last_inference = answers.last
                for name, ended in answers.shown().items():
                    shown = getattr(one.inference_stats, name)
                    shown.count, shown.ns = ended.count, ended.ns

    def fill_json(self, told: dict[str, Any]) -> None:
        """The same in Triton's JSON."""
        for one in told.get("model_stats", ()):
            if answers := self._of.get(one["name"]):
                one["inference_count"] = one["execution_count"] = answers.success.count
                one["last_inference"] = answers.last
                one["inference_stats"] |= {
                    name: vars(ended) for name, ended in answers.shown().items()
                }

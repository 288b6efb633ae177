"""A trace: when which model was asked for how many seconds of work."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Trace:
    """Requests in order of time, as columns of one length.

    ``times`` are seconds from the first request; ``models`` are indices into ``names``; the
    ``seconds`` of work are NaN where nobody knows.
    """

    names: Sequence[str]
    times: Numbers
    models: Indices
    seconds: Numbers
    bad_rows: Sequence[str] = ()
    """A sentence with its line for each row that is left out."""
    began: float = 0.0
    """The time of the first request by the trace's own clock."""

    def __len__(self) -> int:
        return len(self.times)

    def part(self, first: int, last: int) -> "Trace":
        """Requests `first` to `last`, the latter left out; models that nobody asks for stay."""
        times = self.times[first:last]
        start = times[0] if len(times) else 0.0
        return Trace(self.names, times - start, self.models[first:last], self.seconds[first:last])

    def mean_seconds(self) -> dict[str, float]:
        """Of the work of a request for each model, where it is known."""
        known = ~np.isnan(self.seconds)
        models, size = self.models[known], len(self.names)
        sums = np.bincount(models, self.seconds[known], minlength=size)
        counts = np.bincount(models, minlength=size)
        means = sums / np.maximum(counts, 1)
        return {self.names[at]: float(means[at]) for at in np.flatnonzero(counts)}

    def next_uses(self) -> Numbers:
        """For each request when its model is asked for next, infinite if never."""
        found = np.full(len(self), np.inf)
        soonest = np.full(len(self.names), np.inf)
        for at in range(len(self) - 1, -1, -1):
            model = self.models[at]
            found[at] = soonest[model]
            soonest[model] = self.times[at]
        return found


def joined(traces: Sequence[Trace]) -> Trace:
    """Several traces as one, by the same clock: each must know when it began."""
    names = list(dict.fromkeys(name for trace in traces for name in trace.names))
    places = {name: place for place, name in enumerate(names)}
    began = min(trace.began for trace in traces)
    times = np.concatenate([trace.times + (trace.began - began) for trace in traces])
    models = [np.array([places[n] for n in t.names], dtype=np.int32)[t.models] for t in traces]
    order = np.argsort(times, kind="stable")
    return Trace(
        names,
        times[order],
        np.concatenate(models)[order],
        np.concatenate([trace.seconds for trace in traces])[order],
        [sentence for trace in traces for sentence in trace.bad_rows],
        began,
    )

"""What the gateway counts itself: its metrics, and Triton's statistics of the models."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Counts:
    """A reading, or what was added between two."""

    requests: Counter[str]
    """Answered well, by the start: cold, warm or hot."""
    seconds: Counter[str]
    """Of these requests, summed up."""
    transitions: Counter[tuple[str, str]]
    """By model and action, failed ones too."""

    def since(self, before: "Counts") -> "Counts":
        """Return what was added since an earlier reading."""
        return Counts(
            self.requests - before.requests,
            self.seconds - before.seconds,
            self.transitions - before.transitions,
        )

    def most(self, action: str) -> int:
        """Return the number of such transitions of the model that has most of them."""
        return max((n for (_, done), n in self.transitions.items() if done == action), default=0)


def counts(gateway: httpx.Client) -> Counts:
    """Read the gateway's metrics."""
    read = Counts(Counter(), Counter(), Counter())
    for family in text_string_to_metric_families(_get(gateway, "/metrics").text):
        for sample in family.samples:
            labels = sample.labels
            match sample.name:
                case "greenroom_request_seconds_count":
                    read.requests[labels["start"]] += int(sample.value)
                case "greenroom_request_seconds_sum":
                    read.seconds[labels["start"]] += sample.value
                case "greenroom_transitions_total":
                    read.transitions[labels["model"], labels["action"]] += int(sample.value)
    return read


class Computing:
    """Seconds that the models' executions took, each once however many requests it answered.

    A model's statistics begin anew with every load, so they have to be looked at before it is
    unloaded. Those of an ensemble only sum up its steps, and it is none of the ``models``.
    """

    def __init__(self, gateway: httpx.Client, models: Collection[str]) -> None:
        self._gateway = gateway
        self._models = models
        self._known = self._read()
        self.seconds = 0.0

    def look(self) -> None:
        """Add what was computed since the last look."""
        now = self._read()
        for model, seconds in now.items():
            known = self._known.get(model, 0.0)
            self.seconds += seconds - known if seconds >= known else seconds
        self._known = now

    def _read(self) -> dict[str, float]:
        stats = _get(self._gateway, "/v2/models/stats").json()["model_stats"]
        return {
            model["name"]: sum(batch["compute_infer"]["ns"] for batch in model["batch_stats"]) / 1e9
            for model in stats
            if model["name"] in self._models
        }


def _get(gateway: httpx.Client, path: str) -> httpx.Response:
    answer = gateway.get(path)
    answer.raise_for_status()
    return answer

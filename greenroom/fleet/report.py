"""What a replica tells the routers every half second, made of its Greenroom's GET /residency."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from statistics import quantiles
from typing import Any

from greenroom.residency.replica import IN_USE, MeasuredCosts, ReplicaReport, Standing
from greenroom.residency.states import Action, Residency

_SAMPLES = 31


class Pace:
    """Seconds between two answers while a replica is busy with a model: how fast a queue shrinks.

    Each answer's own share is counted from when it began or the last one came, whichever is later;
    only of requests that found the model hot, so that no load is counted as work. The lower
    quartile, for where models drive each other away many answers wait for more than work.
    """

    def __init__(self) -> None:
        self._samples: dict[str, deque[float]] = {}
        self._last: dict[str, float] = {}
        self._hot: frozenset[str] = frozenset()

    def saw(self, hot: frozenset[str]) -> None:
        self._hot = hot

    @contextmanager
    def asked(self, needs: Sequence[str], clock: Any) -> Iterator[None]:
        """Around one request."""
        began, counts = clock(), self._hot.issuperset(needs)
        yield
        now = clock()
        for model in needs:
            if counts:
                took = now - max(began, self._last.get(model, 0.0))
                self._samples.setdefault(model, deque(maxlen=_SAMPLES)).append(took)
            self._last[model] = now

    def of(self, model: str) -> float | None:
        """None as long as none was measured."""
        samples = self._samples.get(model)
        return quantiles(samples, n=4)[0] if samples and len(samples) > 1 else None


class Reporter:
    """Turns what a Greenroom shows into what routers are told; remembers what transitions took."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._measured: dict[str, MeasuredCosts] = {}
        self._number = 0

    def stats(self, shown: Mapping[str, Any], at: float) -> dict[str, Any]:
        """As Ray carries it; `shown` is the object of GET /residency at `at`.

        It says when it was made: a router knows by that whether it is newer than its own choices.
        The machines' clocks must agree to a fraction of a second.
        """
        models = shown["models"]
        needs = (shown.get("budget") or {}).get("needs", {})
        for name, model in models.items():
            self._learn(name, model, needs.get(name, 0))
        self.pace.saw(frozenset(name for name, m in models.items() if m["residency"] == "hot"))
        self._number += 1
        there = {name: m for name, m in models.items() if m["residency"] != "cold" or _busy(m)}
        return {
            "number": self._number,
            "at": at,
            "models": {name: asdict(_standing(model)) for name, model in there.items()},
            "free_bytes": _free(shown),
            "measured": {name: asdict(one) for name, one in self._measured.items()},
        }

    def happened(self, event: Mapping[str, Any]) -> None:
        """One of GET /residency/events: what is shown forgets a load that an offload follows."""
        if not event["error"]:
            self._took(event["model"], event["action"], event["seconds"])

    def _learn(self, name: str, model: Mapping[str, Any], needed: int) -> None:
        known = self._measured.setdefault(name, MeasuredCosts())
        known.needed_bytes = needed or known.needed_bytes
        known.request_seconds = self.pace.of(name)
        if (last := model["last_transition"]) is not None:  # it may be older than the events
            self._took(name, last["action"], last["seconds"])

    def _took(self, name: str, action: str, seconds: float) -> None:
        known = self._measured.setdefault(name, MeasuredCosts())
        if action == Action.LOAD:
            known.load_seconds = seconds
        elif action == Action.RESTORE:
            known.restore_seconds = seconds


def replica_of(stats: Mapping[str, Any]) -> tuple[ReplicaReport, dict[str, MeasuredCosts]]:
    """What `Reporter.stats` told."""
    models = {
        name: Standing(**(told | {"residency": Residency(told["residency"])}))
        for name, told in stats["models"].items()
    }
    measured = {name: MeasuredCosts(**told) for name, told in stats["measured"].items()}
    return ReplicaReport(models, stats["free_bytes"]), measured


def _busy(model: Mapping[str, Any]) -> int:
    return int(model["leases"] + model["waiting"])


def _standing(model: Mapping[str, Any]) -> Standing:
    return Standing(
        residency=str(model["residency"]),  # type: ignore[arg-type]  # plain for Ray
        in_flight=_busy(model),
        held_bytes=model["device_bytes"] + model["device_overhead_bytes"],
        idle_seconds=min(round(model["idle_seconds"], 1), IN_USE),
        stays=model["policy"]["pinned"],
    )


def _free(shown: Mapping[str, Any]) -> int | None:
    """Of the configured bound and of the card, whichever leaves less."""
    budget, gpu = shown.get("budget"), shown.get("gpu")
    if budget is None:
        return None
    left = [budget["budget_bytes"] - budget["held_bytes"]] if budget["budget_bytes"] else []
    if gpu:
        left.append(gpu["total_bytes"] - gpu["used_bytes"] - budget["reserve_bytes"])
    return max(0, min(left)) if left else None

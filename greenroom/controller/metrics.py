"""The service's own Prometheus metrics, prefix ``greenroom_``; Triton's stay on its port.

Counters and histograms of a model are there from the start, at 0: the increase to the first
event would be lost otherwise, and what is rare is what somebody is to be told of.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from greenroom.errors import (
    DoesNotFit,
    GreenroomError,
    QueueFull,
    ShuttingDown,
    TransitionFailed,
    WaitedTooLong,
)
from greenroom.residency.effects import EVICT, Begin
from greenroom.residency.model import Model
from greenroom.residency.states import TRANSITIONS, Action, Residency

PROTOCOLS = ("http", "grpc")
"""Those of the gateway; apps have names of their own."""
OUTCOMES = ("served", "refused", "invalid", "failed", "cancelled")
STARTS = (Residency.HOT, Residency.WARM, Residency.COLD)
_REFUSALS: tuple[type[GreenroomError], ...] = (
    DoesNotFit,
    QueueFull,
    ShuttingDown,
    TransitionFailed,
    WaitedTooLong,
)
_WHOLE = (Action.LOAD, Action.UNLOAD)
_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120)
"""None is more than twice the one before: what always takes about as long has a p95 below three
times its median even if a bound lies between, which the alert on slow restores relies on."""

# When each series began would be one more series for each counter and histogram.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All series; the registry is its own so that two services in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._protocols = list(PROTOCOLS)
        self._expected: set[str] = set()
        ProcessCollector(registry=self.registry)
        self.triton_up = self._gauge("triton_up", "1 while Triton answers the controller")
        self.residency = self._model("residency", "1 in the current state", "residency")
        self.leases = self._model("leases", "Requests that are using the model")
        self.waiting = self._model("waiting", "Requests that are waiting for the model")
        self.broken = self._model(
            "broken", "1 while its process is dead or stopped and has not been replaced"
        )
        self.failures = self._model("failures", "Transitions that failed in a row")
        self.awaits_memory = self._model(
            "awaits_memory", "1 while a request waits for GPU memory for this model"
        )
        self.device_bytes = self._model("device_bytes", "Weights on the GPU")
        self.overhead_bytes = self._model(
            "device_overhead_bytes", "GPU memory of the process beyond its weights"
        )
        self.host_bytes = self._model("host_bytes", "Weights in host memory")
        self.gpu_budget = self._gauge(
            "gpu_budget_bytes", "GPU memory that all models may hold together, 0 if unlimited"
        )
        self._gpu: tuple[Gauge, Gauge] | None = None
        self.transitions = self._counter(
            "transitions", "Transitions that ended", "action", "result"
        )
        self.transition_seconds = self._seconds(
            "transition_seconds", "Duration of transitions", "action"
        )
        self.heals = self._counter(
            "heals", "Dead or stopped processes of models that were found and removed"
        )
        self.evictions = self._counter(
            "evictions", "Times it was unloaded or offloaded to make room for another model"
        )
        self.internal_errors = Counter(
            "greenroom_internal_errors_total",
            "Internal errors, logged and survived; please report them",
            registry=self.registry,
        )
        self.requests = self._counter(
            "requests", "Requests that were answered", "protocol", "outcome"
        )
        self.refusals = self._counter("refusals", "Requests that were refused a lease", "reason")
        self.request_seconds = self._seconds(
            "request_seconds",
            "From a request's arrival to its answer, by its coldest model at arrival",
            "start",
        )
        self.first_piece_seconds = self._seconds(
            "first_piece_seconds",
            "From a request's arrival to the first piece of its stream, by its coldest model",
            "start",
        )
        self.streams = self._gauge("streams", "Streams in progress", "model")
        self.late_pieces = self._counter(
            "stream_late_pieces", "Pieces that came too late to be played without a gap"
        )
        self.wait_seconds = self._seconds(
            "wait_seconds",
            "From a request's arrival to its lease, by its coldest model at arrival",
            "start",
        )

    def expect(self, entry: Model) -> None:
        """Show what is counted of a model at 0, before anything has happened to it."""
        self._expected.add(entry.name)
        for protocol in self._protocols:
            self._expect_requests(entry.name, protocol)
        for error in _REFUSALS:
            self.refusals.labels(entry.name, error.reason)
        for start in STARTS:
            self.request_seconds.labels(entry.name, start)
            self.wait_seconds.labels(entry.name, start)
        for action in TRANSITIONS if entry.controllable else _WHOLE:
            self.transition_seconds.labels(entry.name, action)
            for result in ("done", "failed"):
                self.transitions.labels(entry.name, action, result)
        if not entry.steps:
            self.heals.labels(entry.name)
            self.evictions.labels(entry.name)

    def expect_streams(self, model: str) -> None:
        """Show the streams of a model at 0."""
        self.streams.labels(model)
        self.late_pieces.labels(model)
        for start in STARTS:
            self.first_piece_seconds.labels(model, start)

    def expect_protocol(self, protocol: str) -> None:
        """Show the requests of every model by one more protocol, that of an app."""
        self._protocols.append(protocol)
        for model in self._expected:
            self._expect_requests(model, protocol)

    def _expect_requests(self, model: str, protocol: str) -> None:
        for outcome in OUTCOMES:
            self.requests.labels(model, protocol, outcome)

    def count(self, begin: Begin) -> None:
        """Count why a transition was done, if that is worth it."""
        if begin.buries:
            self.heals.labels(begin.model).inc()
        if begin.reason == EVICT:
            self.evictions.labels(begin.model).inc()

    def observe(self, entry: Model) -> None:
        for state in Residency:
            self.residency.labels(entry.name, state).set(entry.residency is state)
        self.leases.labels(entry.name).set(entry.demand.leases)
        self.waiting.labels(entry.name).set(entry.demand.waiting)
        self.broken.labels(entry.name).set(entry.failure.broken or entry.failure.comes_back)
        self.failures.labels(entry.name).set(entry.failure.failures)
        self.awaits_memory.labels(entry.name).set(entry.memory.awaits_memory)

    def observe_gpu(self, used_bytes: int, total_bytes: int) -> None:
        """Set the GPU's gauges, which a machine without one does not show."""
        if self._gpu is None:
            self._gpu = (
                self._gauge("gpu_used_bytes", "GPU memory in use, by other programs too"),
                self._gauge("gpu_total_bytes", "Total memory of the GPU"),
            )
        used, total = self._gpu
        used.set(used_bytes)
        total.set(total_bytes)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"greenroom_{name}", text, labels, registry=self.registry)

    def _model(self, name: str, text: str, *labels: str) -> Gauge:
        return self._gauge(f"model_{name}", text, "model", *labels)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"greenroom_{name}_total", text, ["model", *labels], registry=self.registry)

    def _seconds(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(
            f"greenroom_{name}",
            text,
            ["model", *labels],
            registry=self.registry,
            buckets=_SECONDS,
        )

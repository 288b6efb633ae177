"""The service's own Prometheus metrics, prefix ``greenroom_``; Triton's stay on its port."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from greenroom.residency.model import Model
from greenroom.residency.states import Residency

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """All series; the registry is its own so that two services in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        model = ["model"]
        self.residency = self._gauge("model_residency", "1 in the current state", "residency")
        self.leases = self._gauge("model_leases", "Requests that hold the model")
        self.waiting = self._gauge("model_waiting", "Requests that wait for the model")
        self.device_bytes = self._gauge("model_device_bytes", "Weights on the GPU")
        self.overhead_bytes = self._gauge(
            "model_device_overhead_bytes", "What the process holds on the GPU beyond weights"
        )
        self.host_bytes = self._gauge("model_host_bytes", "Weights in host memory")
        self._gpu_used: Gauge | None = None
        self.transitions = Counter(
            "greenroom_transitions_total",
            "Transitions that ended",
            ["model", "action", "result"],
            registry=self.registry,
        )
        self.transition_seconds = self._seconds(
            "transition_seconds", "How long transitions took", ["model", "action"]
        )
        self.heals = Counter(
            "greenroom_heals_total",
            "Dead or stopped processes of models that were found and removed",
            model,
            registry=self.registry,
        )
        self.requests = Counter(
            "greenroom_requests_total",
            "Requests that were answered",
            ["model", "protocol", "outcome"],
            registry=self.registry,
        )
        self.request_seconds = self._seconds(
            "request_seconds",
            "From a request's arrival to its answer, by its coldest model at arrival",
            ["model", "start"],
        )
        self.wait_seconds = self._seconds(
            "wait_seconds", "From a request's arrival to its lease", model
        )

    def observe(self, entry: Model) -> None:
        """Set the gauges of one model."""
        for state in Residency:
            self.residency.labels(entry.name, state).set(entry.residency is state)
        self.leases.labels(entry.name).set(entry.leases)
        self.waiting.labels(entry.name).set(entry.waiting)

    def observe_gpu(self, used_bytes: int) -> None:
        """Set the GPU's gauge, which a machine without one does not show."""
        if self._gpu_used is None:
            self._gpu_used = Gauge(
                "greenroom_gpu_used_bytes",
                "GPU memory in use, other programs' included",
                registry=self.registry,
            )
        self._gpu_used.set(used_bytes)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"greenroom_{name}", text, ["model", *labels], registry=self.registry)

    def _seconds(self, name: str, text: str, labels: list[str]) -> Histogram:
        return Histogram(f"greenroom_{name}", text, labels, registry=self.registry, buckets=_FAST)

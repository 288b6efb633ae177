"""The shapes of what the server says about its models."""

from typing import Any, Literal, TypeAlias, TypedDict

Action: TypeAlias = Literal["load", "offload", "restore", "unload", "touch"]


class Transition(TypedDict):
    """The last change of residency that ended."""

    action: str
    seconds: float
    at: str


class Cache(TypedDict):
    """What a model keeps of earlier results; hits and misses since Triton was started."""

    entries: int
    bytes: int
    hits: int
    misses: int


class ModelResidency(TypedDict):
    """One model: where its weights are and who needs them."""

    residency: str
    controllable: bool
    leases: int
    waiting: int
    idle_seconds: float | None
    policy: dict[str, Any]
    device_bytes: int
    device_overhead_bytes: int
    host_bytes: int
    process_bytes: int | None
    """Memory of its process; None where the server sees none."""
    cache: Cache | None
    pid: int | None
    last_transition: Transition | None
    last_error: str | None


class Gpu(TypedDict):
    """The GPU's memory, other programs' included."""

    index: int
    total_bytes: int
    used_bytes: int


class ResidencyReport(TypedDict):
    """All managed models, and the GPU where there is one."""

    models: dict[str, ModelResidency]
    gpu: Gpu | None


Event = TypedDict(
    "Event",
    {
        "model": str,
        "action": str,
        "from": str,
        "to": str,
        "seconds": float,
        "bytes": int,
        "reason": str,
        "at": str,
        "error": str | None,
    },
)
"""One transition that ran; ``bytes`` is on the device after it, ``at`` is UTC, ISO 8601."""

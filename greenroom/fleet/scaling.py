"""How many replicas a fleet wants: by its requests, and by the memory of the models in use.

The second is what requests alone do not show: models that are in use and do not fit on one device
drive each other away, which costs a restore for each request however few there are.
"""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from greenroom.residency.replica import IN_USE

_NEEDS = "needs:"
"""Before a model's name: bytes that it needs on the device, 0 while it is not in use."""
_ROOM = "room_bytes"
"""What models may hold that are not pinned: those are on every replica anyway."""


def stats(shown: Mapping[str, Any]) -> dict[str, float]:
    """Of GET /residency, as numbers with names: Ray carries nothing else to a policy.

    Empty where nothing bounds the device's memory.
    """
    room = _room(shown)
    if room is None:
        return {}
    needs = shown["budget"]["needs"]
    return {_ROOM: room} | {
        f"{_NEEDS}{name}": _in_use(model) * max(_held(model), needs.get(name, 0))
        for name, model in shown["models"].items()
        if not model["policy"]["pinned"]
    }


def wanted(requests: float, per_replica: float, told: Iterable[Mapping[str, float]]) -> float:
    """Replicas for so many requests that run or wait; `told` is what `stats` says of each replica.

    A second copy of a model counts once: copies follow requests.
    """
    needs: dict[str, float] = {}
    rooms = []
    for one in told:
        rooms += [one[_ROOM]] if _ROOM in one else []
        for name, needed in one.items():
            if name.startswith(_NEEDS):
                needs[name] = max(needs.get(name, 0.0), needed)
    return max(requests / per_replica, _packed(needs.values(), fmean(rooms)) if rooms else 0)


def policy(context: Any) -> tuple[float, dict[str, Any]]:
    """Ray's autoscaling policy; it adds the bounds and the delays of the deployment."""
    told: dict[Any, dict[str, float]] = {}
    for name, series in (context.raw_metrics or {}).items():
        for replica, points in series.items():
            if points:
                newest = max(points, key=lambda point: point.timestamp)
                told.setdefault(replica, {})[name] = newest.value
    per_replica = context.config.get_target_ongoing_requests()
    return wanted(context.total_num_requests, per_replica, told.values()), {}


def _packed(sizes: Iterable[float], room: float) -> int:
    """Rooms that hold all, the largest first; one that fits nowhere has a room for itself."""
    left: list[float] = []
    for size in sorted(filter(None, sizes), reverse=True):
        for number, free in enumerate(left):
            if size <= free:
                left[number] -= size
                break
        else:
            left.append(room - size)
    return len(left)


def _room(shown: Mapping[str, Any]) -> float | None:
    budget, gpu = shown.get("budget"), shown.get("gpu")
    if budget is None:
        return None
    bounds = [budget["budget_bytes"] or math.inf]
    if gpu:  # what others hold there is not Greenroom's
        others = max(0, gpu["used_bytes"] - budget["held_bytes"])
        bounds.append(gpu["total_bytes"] - others - budget["reserve_bytes"])
    pinned = (m for m in shown["models"].values() if m["policy"]["pinned"])
    room = min(bounds) - sum(map(_held, pinned))
    return max(0.0, room) if math.isfinite(room) else None


def _held(model: Mapping[str, Any]) -> int:
    return int(model["device_bytes"] + model["device_overhead_bytes"])


def _in_use(model: Mapping[str, Any]) -> bool:
    """A model that nobody has asked for is idle since the start, and was never brought."""
    if model["leases"] or model["waiting"]:
        return True
    return model["last_transition"] is not None and model["idle_seconds"] < IN_USE

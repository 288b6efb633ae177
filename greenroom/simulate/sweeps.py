"""Many values of one field of the policies: what is waited, against the memory that is held."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from greenroom.simulate.play import Progress, play
from greenroom.simulate.report import duration, memory
from greenroom.simulate.trace import Trace
from greenroom.simulate.world import World

NEVER = -1.0
VALUES = (0, 1, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400, NEVER)
_MEMORY = {"offload_after": "device_byte_seconds", "unload_after": "host_byte_seconds"}
"""What a field is about: who is offloaded frees the GPU, who is unloaded the host's memory."""


def swept(
    trace: Trace,
    world: World,
    eviction: str,
    field: str,
    show: Any,
    values: Sequence[float] = VALUES,
) -> dict[str, Any]:
    """Play the trace with each value; the knee is the value after which more memory buys little."""
    points = []
    for value in values:
        progress: Progress = show(f"{field} {name_of(value)}", len(trace))
        tally = play(
            trace, world.with_policies(**{field: value}), eviction, progress=progress
        ).tally
        held = tally.device if field == "offload_after" else tally.host
        points.append(
            {
                field: value,
                "waited_seconds": tally.waited,
                "device_byte_seconds": tally.device.byte_seconds,
                "host_byte_seconds": tally.host.byte_seconds,
                "held_byte_seconds": held.byte_seconds,
                "cold": tally.as_json()["cold"],
                "warm": tally.as_json()["warm"],
            }
        )
    pairs = [(point["held_byte_seconds"], point["waited_seconds"]) for point in points]
    return {"field": field, "points": points, "knee": values[knee(pairs)]}


def knee(curve: Sequence[tuple[float, float]]) -> int:
    """Which point of a falling curve is farthest below the line between its ends.

    Both axes count from 0 to 1 (Satopää et al., "Finding a 'kneedle' in a haystack", 2011).
    """
    least, most = min(x for x, _ in curve), max(x for x, _ in curve)
    low, high = min(y for _, y in curve), max(y for _, y in curve)
    wide, tall = (most - least) or 1.0, (high - low) or 1.0
    return min(
        range(len(curve)),
        key=lambda at: (curve[at][0] - least) / wide + (curve[at][1] - low) / tall,
    )


def name_of(value: float) -> str:
    return "never" if value == NEVER else duration(value) if value >= 1 else f"{value:g} s"


def print_sweep(console: Console, found: dict[str, Any]) -> None:
    """A line for each value, the knee marked."""
    field = found["field"]
    table = Table(box=None, pad_edge=False)
    heads = (field, "cold", "warm", "waited", "GPU memory", "host memory", "")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place in (0, len(heads) - 1) else "right")
    for point in found["points"]:
        table.add_row(
            name_of(point[field]),
            f"{point['cold']:,}",
            f"{point['warm']:,}",
            duration(point["waited_seconds"]),
            memory(point["device_byte_seconds"]),
            memory(point["host_byte_seconds"]),
            "knee" if point[field] == found["knee"] else "",
        )
    console.print(table)

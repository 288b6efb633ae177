"""``--machines A..B``: fleets of many sizes under one load each, by who routes."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from greenroom.errors import InvalidInput
from greenroom.simulate.machines import Router
from greenroom.simulate.play import play
from greenroom.simulate.report import duration
from greenroom.simulate.routers import AtRandom, ByResidency, Evenly
from greenroom.simulate.trace import Trace
from greenroom.simulate.world import World

UTILISATION = 0.95
_MOST = 1000
_MOST_LOSSES = 10
_ROUTES: dict[str, tuple[Callable[[World, Trace], Router], bool]] = {
    "by residency": (lambda world, trace: ByResidency(world, trace.mean_seconds()), False),
    "machines lost": (
        lambda world, trace: ByResidency(world, trace.mean_seconds()),
        True,
    ),
    "evenly": (lambda world, trace: Evenly(), False),
    "at random": (lambda world, trace: AtRandom(), False),
}


def sizes(given: str) -> list[int]:
    """1, 2, 5, 10, ... from A to B, both of them too. Raises InvalidInput for what is no A..B."""
    found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", given.strip())
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= _MOST:
        raise InvalidInput(f"--machines is {given!r}; it must be A..B with 1 <= A <= B <= {_MOST}.")
    steps = {digit * 10**power for power in range(4) for digit in (1, 2, 5)}
    return sorted({first, last} | {step for step in steps if first < step < last})


def busy(trace: Trace, machines: int) -> Trace:
    """The trace in so much less or more time that its work keeps the machines busy for 95 % of it.

    A machine works on one request at a time.
    """
    last = float(trace.times[-1]) or 1.0
    seconds = float(np.nansum(trace.seconds)) / (UTILISATION * machines)
    return replace(trace, times=trace.times * (seconds / last))


def compared(
    trace: Trace, world: World, eviction: str, given: str, show: Any
) -> list[dict[str, Any]]:
    """A row for each size and route."""
    costs = np.array([world.model(name).costs.run for name in trace.names], dtype=float)
    work = np.where(np.isnan(trace.seconds), costs[trace.models], trace.seconds)
    trace, world = replace(trace, seconds=work), replace(world, slots=1)
    rows = []
    for machines in sizes(given):
        played = busy(trace, machines)
        for route, (router, loses) in _ROUTES.items():
            losses = min(machines, _MOST_LOSSES) if loses else 0
            progress = show(f"{machines} machines, {route}", len(trace))
            found = play(
                played, world, eviction, machines, router(world, trace), progress, losses
            ).as_json()
            loads = found["transitions"].get("load", 0)
            rows.append(
                {
                    "machines": machines,
                    "route": route,
                    "trace_seconds": float(played.times[-1]),
                    "losses": losses,
                    "loads_per_request": loads / found["requests"],
                }
                | {key: found[key] for key in _KEPT}
            )
    return rows


_KEPT = ("requests", "hot", "warm", "cold", "refused", "evictions", "wait_seconds", "queue_seconds")


def print_machines(console: Console, rows: list[dict[str, Any]]) -> None:
    """A line for each row."""
    table = Table(box=None, padding=(0, 1, 0, 0))  # 80 columns are not many
    for head in (
        "machines",
        "trace in",
        "routed",
        "loads per\nrequest",
        "hot",
        "refused",
        "p95 wait\nfor model",
        "p95 in all",
    ):
        table.add_column(head, justify="left" if head == "routed" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row['machines']:,}",
            duration(row["trace_seconds"]),
            row["route"],
            f"{row['loads_per_request']:.4f}",
            f"{row['hot'] / row['requests']:.1%}",
            f"{row['refused']:,}",
            f"{row['wait_seconds']['p95']:.2f} s",
            f"{row['queue_seconds']['p95']:.2f} s",
        )
    console.print(table)

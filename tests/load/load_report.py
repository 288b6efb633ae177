"""The report of one run: as data, and as it is printed."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from gateway_counts import Counts
from load_limits import Judged
from load_tally import Tally
from rich.console import Console
from rich.table import Table

STARTS = ("cold", "warm", "hot")
PERCENTILES = ("p50", "p95", "p99")
_ERRORS = 5


def figures(tally: Tally, counts: Counts, computing: float) -> dict[str, Any]:
    """Return what was measured; times in seconds.

    The starts, transitions and seconds of computing are the gateway's and Triton's own counts, so
    requests of other clients are in them too.
    """
    transitions: dict[str, dict[str, int]] = {}
    for (model, action), number in sorted(counts.transitions.items()):
        transitions.setdefault(model, {})[action] = number
    return {
        "requests": tally.asked,
        "failures": tally.failed,
        "seconds": tally.ended - tally.begun,
        **_percentiles([second for each in tally.seconds.values() for second in each]),
        "doors": {
            door: {"requests": len(seconds), **_percentiles(seconds)}
            for door, seconds in sorted(tally.seconds.items())
        },
        "first_sound": _percentiles(tally.first_sounds) if tally.first_sounds else None,
        "starts": {
            start: {
                "requests": counts.requests[start],
                "mean": counts.seconds[start] / counts.requests[start],
            }
            for start in STARTS
            if counts.requests[start]
        },
        "transitions": transitions,
        "computing_seconds": computing,
        "audio_seconds": tally.audio_seconds,
        "real_time_factor": computing / tally.audio_seconds if tally.audio_seconds else None,
        "errors": dict(tally.errors.most_common(_ERRORS)),
    }


def bounded(told: dict[str, Any], counts: Counts) -> dict[str, float]:
    """Return the figures that limits can be set for, by the limit's name."""
    return {
        "failures": told["failures"],
        "p95": told["p95"],
        "first": (told["first_sound"] or told)["p95"],
        "loads": counts.most("load"),
        "cold": counts.requests["cold"],
        "warm": counts.requests["warm"],
    }


def print_report(title: str, told: dict[str, Any], judged: Iterable[Judged]) -> None:
    """Print the figures, and each limit with its verdict."""
    console = Console(width=100, highlight=False)
    console.print(title, markup=False)
    doors = Table("asked by", "requests", *PERCENTILES)
    rows = {**told["doors"], "all": told}
    for name, row in rows.items():
        doors.add_row(name, str(row["requests"]), *(f"{row[p]:.2f} s" for p in PERCENTILES))
    if told["first_sound"]:
        doors.add_row("first sound", "", *(f"{told['first_sound'][p]:.2f} s" for p in PERCENTILES))
    console.print(doors)
    starts = Table("start", "requests", "mean")
    for name, row in told["starts"].items():
        starts.add_row(name, str(row["requests"]), f"{row['mean']:.2f} s")
    console.print(starts)
    for model, actions in told["transitions"].items():
        console.print(f"{model}: {', '.join(f'{n} {action}' for action, n in actions.items())}")
    if told["real_time_factor"] is not None:
        console.print(
            f"real-time factor {told['real_time_factor']:.3f}: {told['computing_seconds']:.1f} s "
            f"of computing for {told['audio_seconds']:.1f} s of sound"
        )
    console.print(
        f"failed: {told['failures']} of {told['requests']} requests in {told['seconds']:.1f} s"
    )
    for error, times in told["errors"].items():
        console.print(f"  {times} times: {error[:300]}", markup=False)
    for one in judged:
        console.print(f"limit {one}", style=None if one.kept else "bold red")


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return dict.fromkeys(PERCENTILES, float("nan"))
    return {name: float(np.percentile(seconds, int(name[1:]))) for name in PERCENTILES}

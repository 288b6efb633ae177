"""What came of a trace, as tables on a terminal and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

Result = Mapping[str, Any]
"""As `Played.as_json` makes it."""
_SHOWN_BAD_ROWS = 10


def print_result(console: Console, result: Result) -> None:
    """What one machine, or several together, did with all requests."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    requests = result["requests"]
    table.add_row("requests", f"{requests:,}", f"in {duration(result['seconds'])}")
    for start in ("hot", "warm", "cold"):
        table.add_row(start, f"{result[start]:,}", _share(result[start], requests))
    why = [f"{n:,} {reason.replace('_', ' ')}" for reason, n in result["refused_because"].items()]
    share = "; ".join([_share(result["refused"], requests), *why])
    table.add_row("refused", f"{result['refused']:,}", share)
    waits = result["wait_seconds"]
    told = ", ".join(f"{name} {waits[name]:.2f} s" for name in ("p50", "p95", "p99"))
    table.add_row("wait for a model", f"{duration(waits['total'])}", f"in all; {told}")
    table.add_row("evictions", f"{result['evictions']:,}", _transitions(result))
    held = result["device_byte_seconds"]
    for name, what in (
        ("device_byte_seconds", "GPU memory held"),
        ("always_loaded_byte_seconds", "if always loaded"),
        ("unload_at_once_byte_seconds", "if unloaded at once"),
    ):
        table.add_row(
            what, memory(result[name]), "" if name[0] == "d" else _against(held, result[name])
        )
    if (seconds := result["gpu_seconds"]) is not None:
        table.add_row(
            "GPU time",
            duration(seconds["held"]),
            f"of {duration(seconds['all'])}; the rest is free",
        )
    console.print(table)


def print_rows(console: Console, first: str, rows: Sequence[tuple[str, Result]]) -> None:
    """One line for each result; `first` is the head of the column of their names."""
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in ("hot", "warm", "cold", "refused", "evictions", "waited", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, result in rows:
        waits = result["wait_seconds"]
        table.add_row(
            name,
            *(f"{result[key]:,}" for key in ("hot", "warm", "cold", "refused", "evictions")),
            duration(waits["total"]),
            f"{waits['p95']:.2f} s",
            f"{waits['p99']:.2f} s",
        )
    console.print(table)


def print_bad_rows(console: Console, bad_rows: Sequence[str]) -> None:
    print_sentences(console, bad_rows[:_SHOWN_BAD_ROWS])
    if (more := len(bad_rows) - _SHOWN_BAD_ROWS) > 0:
        console.print(f"{more} more rows are left out; --json lists them all.", highlight=False)


def print_sentences(console: Console, sentences: Sequence[str]) -> None:
    for sentence in sentences:
        console.print(sentence, highlight=False, soft_wrap=True, markup=False)


def duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.2f} s"


def memory(byte_seconds: float) -> str:
    gigabytes = byte_seconds / 3600e9
    return f"{gigabytes:,.1f} GB h" if gigabytes >= 1 else f"{1000 * gigabytes:.1f} MB h"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _against(held: float, other: float) -> str:
    return f"{held / other:.2f} of it" if other else ""


def _transitions(result: Result) -> str:
    return ", ".join(f"{count:,} {name}s" for name, count in sorted(result["transitions"].items()))

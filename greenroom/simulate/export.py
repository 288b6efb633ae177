"""``greenroom export-trace``: a request log as a trace."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from greenroom.simulate.output import check_apart, writing
from greenroom.simulate.report import print_bad_rows
from greenroom.simulate.trace import joined
from greenroom.simulate.trace_file import Columns, read_trace, write_trace

STDOUT = Path("-")


def run(logs: Sequence[Path], output: Path) -> None:
    """Write the requests of all files, in the order of time."""
    if output != STDOUT:
        check_apart(
            {"--output": output}, {f"LOG {number}": log for number, log in enumerate(logs, 1)}
        )
    trace = joined([read_trace(log, Columns()) for log in logs])
    print_bad_rows(Console(stderr=True), trace.bad_rows)
    if output == STDOUT:
        write_trace(trace, sys.stdout)
        return
    with writing("--output", output), output.open("w", encoding="utf-8", newline="") as file:
        write_trace(trace, file)
    print(f"{output} has {len(trace):,} requests for {len(trace.names)} models.")

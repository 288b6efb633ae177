"""The results of ``greenroom verify`` as a table for people."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from greenroom_client.cli.shown import cell, printable
from greenroom_client.verify.verify_result import Outcome, VerifyResult

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_CHECKED: "yellow"}


def verify_view(results: Iterable[VerifyResult]) -> Table:
    """A row for each check, its faults below what was measured."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("expected", overflow="fold", ratio=2)
    table.add_column("measured", overflow="fold", ratio=3)
    for result in results:
        measured = cell(result.measured)
        for fault in result.faults:
            measured.append(f"\n{printable(fault)}", style="red")
        outcome = Text(result.outcome, style=_STYLES[result.outcome])
        table.add_row(cell(result.check), outcome, cell(result.expected), measured)
    return table

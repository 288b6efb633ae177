"""The findings of ``greenroom verify`` as a table for people."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from greenroom_client.verify.finding import Finding, Outcome

_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.NOT_CHECKED: "yellow"}


def verify_view(findings: Iterable[Finding]) -> Table:
    """Return a row for each check, its faults below what was measured."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 1, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("expected", overflow="fold", ratio=2)
    table.add_column("measured", overflow="fold", ratio=3)
    for finding in findings:
        measured = Text(finding.measured)
        for fault in finding.faults:
            measured.append(f"\n{fault}", style="red")
        outcome = Text(finding.outcome, style=_STYLES[finding.outcome])
        table.add_row(Text(finding.check), outcome, Text(finding.expected), measured)
    return table

"""``greenroom doctor``: the findings as a table."""

import asyncio
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from greenroom.cli.failing import failing_plainly
from greenroom.config import Settings
from greenroom.launcher.doctor import examine
from greenroom.launcher.finding import Finding, Verdict

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


def run() -> None:
    """Print what was found; exits with 1 if a check has failed."""
    with failing_plainly():
        findings = asyncio.run(examine(Settings()))
    Console().print(table(findings))
    raise typer.Exit(int(any(finding.verdict is Verdict.FAIL for finding in findings)))


def table(findings: Sequence[Finding], subject: str = "check") -> Table:
    """Return a row per finding, under the name of what was looked at."""
    table = Table(box=None, pad_edge=False)
    table.add_column(subject, overflow="fold")
    table.add_column()
    table.add_column("found", overflow="fold")
    for finding in findings:
        colour = _COLOURS[finding.verdict]
        verdict = f"[{colour}]{finding.verdict}[/{colour}]"
        remedy = f"\n[bold]{escape(finding.remedy)}[/bold]" if finding.remedy else ""
        table.add_row(finding.check, verdict, escape(finding.found) + remedy)
    return table

"""``greenroom doctor``: the findings as a table."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.supervisor.check_result import Finding, Verdict
from greenroom.supervisor.doctor import examine
from greenroom.supervisor.plain_errors import failing_plainly
from greenroom.supervisor.plugin_checks import plugin_checks

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


def run(checkpoints: Path | None, hashes: bool, repositories: Sequence[str] | None) -> None:
    """Print what was found; exits with 1 if a check has failed."""
    console = Console()
    with failing_plainly():
        if checkpoints is None:
            settings = Settings.with_repositories(repositories)
            found: dict[str, Sequence[Finding]] = {"check": asyncio.run(examine(settings))}
        else:
            with console.status("looking at the files"):
                found = _checkpoints(checkpoints, hashes)
    for subject, findings in found.items():
        console.print(table(findings, subject))
    failed = any(one.verdict is Verdict.FAIL for findings in found.values() for one in findings)
    raise typer.Exit(int(failed))


def _checkpoints(folder: Path, hashes: bool) -> dict[str, Sequence[Finding]]:
    found: dict[str, Sequence[Finding]] = {}
    for plugin in plugin_checks():
        found |= plugin.checkpoints(folder, hashes)
    if not found:
        raise SetupError("No installed plug-in knows checkpoints.")
    return found


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

"""``greenroom doctor``: the results as a table."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.supervisor.check_result import CheckResult, Verdict
from greenroom.supervisor.doctor import examine
from greenroom.supervisor.plain_errors import failing_plainly
from greenroom.supervisor.plugin_checks import CheckpointChecks, plugin_checks

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


def run(checkpoints: Path | None, hashes: bool, repositories: Sequence[str] | None) -> None:
    """Print what was found; exits with 1 if a check has failed."""
    console = Console()
    with failing_plainly():
        if checkpoints is None:
            settings = Settings.with_repositories(repositories)
            found: dict[str, Sequence[CheckResult]] = {"check": asyncio.run(examine(settings))}
        else:
            with console.status("looking at the files"):
                found = _checkpoints(checkpoints, hashes)
    for subject, results in found.items():
        console.print(table(results, subject))
    failed = any(one.verdict is Verdict.FAIL for results in found.values() for one in results)
    raise typer.Exit(int(failed))


def _checkpoints(folder: Path, hashes: bool) -> dict[str, Sequence[CheckResult]]:
    found: dict[str, Sequence[CheckResult]] = {}
    for plugin in plugin_checks():
        if isinstance(plugin, CheckpointChecks):
            found |= plugin.checkpoints(folder, hashes)
    if not found:
        raise SetupError("No installed plug-in has checkpoints to check.")
    return found


def table(results: Sequence[CheckResult], subject: str = "check") -> Table:
    """A row per result, under the name of what was looked at."""
    table = Table(box=None, pad_edge=False)
    table.add_column(subject, overflow="fold")
    table.add_column()
    table.add_column("found", overflow="fold")
    for result in results:
        colour = _COLOURS[result.verdict]
        verdict = f"[{colour}]{result.verdict}[/{colour}]"
        remedy = f"\n[bold]{escape(result.remedy)}[/bold]" if result.remedy else ""
        table.add_row(result.check, verdict, escape(result.found) + remedy)
    return table

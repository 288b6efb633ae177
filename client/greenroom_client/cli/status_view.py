"""GET /residency as a table for people."""

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from greenroom_client.cli.shown import cell, printable

_STYLES = {"hot": "bold green", "warm": "yellow", "cold": "blue"}
_IN_TRANSITION = "magenta"
_COLUMNS = ("leases", "waiting", "idle s", "device MB", "host MB")


def print_status(report: Mapping[str, Any], console: Console, as_json: bool) -> None:
    """Print the server's report as a table, or as it is."""
    if as_json:
        typer.echo(json.dumps(report))
    else:
        console.print(status_view(report))


def status_view(report: Mapping[str, Any]) -> Group:
    """The table of the models, the GPU's memory and the last errors below it."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("model")
    table.add_column("residency")
    for column in _COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("last transition")
    models = {name: model for name, model in report["models"].items() if isinstance(model, dict)}
    for name, model in sorted(models.items()):
        table.add_row(*_row(name, model))
    errors = [
        cell(f"last error of {name}: {model['last_error']}", "red")
        for name, model in sorted(models.items())
        if model.get("last_error")
    ]
    return Group(table, *_gpu_line(report.get("gpu")), *errors)


def event_line(event: Mapping[str, Any]) -> str:
    line = f"{event.get('at', '')} {event.get('model')} {event.get('from')} -> {event.get('to')}"
    if isinstance(seconds := event.get("seconds"), int | float):
        line += f", {seconds:.2f} s"
    if reason := event.get("reason"):
        line += f" ({reason})"
    if error := event.get("error"):
        line += f": {error}"
    return printable(line.strip())


def _row(name: str, model: Mapping[str, Any]) -> list[Text]:
    residency = str(model.get("residency"))
    cells = (
        model.get("leases"),
        model.get("waiting"),
        _number(model.get("idle_seconds"), 1, ".1f"),
        _number(model.get("device_bytes"), 1e6, ".0f"),
        _number(model.get("host_bytes"), 1e6, ".0f"),
        _transition(model.get("last_transition")),
    )
    return [
        cell(name),
        cell(residency, _STYLES.get(residency, _IN_TRANSITION)),
        *map(cell, cells),
    ]


def _number(value: object, unit: float, form: str) -> str:
    return format(value / unit, form) if isinstance(value, int | float) else "-"


def _transition(last: object) -> str:
    if not isinstance(last, dict):
        return "-"
    return f"{last.get('action')} {_number(last.get('seconds'), 1, '.2f')} s"


def _gpu_line(gpu: object) -> list[Text]:
    if not isinstance(gpu, dict):
        return []
    used, total = (_number(gpu.get(key), 1e9, ".1f") for key in ("used_bytes", "total_bytes"))
    return [cell(f"GPU {gpu.get('index')}: {used} of {total} GB used")]

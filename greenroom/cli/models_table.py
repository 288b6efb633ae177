"""``greenroom doctor --models``: what a folder of checkpoints has and lacks, as tables."""

from pathlib import Path

import typer
from rich.console import Console

from greenroom.checkpoints.examine import EngineFiles, Held, examine
from greenroom.cli.doctor_table import table
from greenroom.cli.failing import failing_plainly
from greenroom.config import EngineSettings
from greenroom.launcher.finding import Finding


def run(models: Path, whisper_model: str | None, hashes: bool) -> None:
    """Print what was found; exits with 1 if an engine lacks a file."""
    console = Console()
    with failing_plainly():
        whisper = whisper_model or EngineSettings().whisper_model
        with console.status("looking at the files"):
            held, engines = examine(models, whisper, hashes)
    console.print(table([_file(one) for one in held], f"file below {models}"))
    console.print()
    console.print(table([_engine(one, models) for one in engines], "engine"))
    raise typer.Exit(int(any(engine.lacks for engine in engines)))


def _file(held: Held) -> Finding:
    return (Finding.ok if held.right else Finding.fail)(held.location, held.found)


def _engine(engine: EngineFiles, models: Path) -> Finding:
    name = f"{engine.model}: {engine.engine}"
    if not engine.lacks:
        return Finding.ok(name, "can run")
    return Finding.fail(
        name,
        f"can not run: {len(engine.lacks)} of its files missing or wrong",
        f"greenroom pull {engine.pull} --models {models}" if engine.pull else "",
    )

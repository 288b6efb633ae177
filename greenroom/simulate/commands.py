"""The verbs ``greenroom simulate`` and ``greenroom export-trace``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from greenroom.errors import GreenroomError

# The verbs import their work when they run: every verb of the client passes through here.


def register(app: typer.Typer) -> None:
    """Add the verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(simulate)
    app.command("export-trace")(export_trace)


@contextmanager
def _failing_plainly() -> Iterator[None]:
    try:
        yield
    except GreenroomError as error:
        typer.echo(f"greenroom: {error}", err=True)
        raise typer.Exit(1) from None


class Swept(StrEnum):
    """Fields of a policy of which many values are tried."""

    OFFLOAD_AFTER = "offload_after"
    UNLOAD_AFTER = "unload_after"


def _new_file(path: Path | None) -> Path | None:
    if path is None or str(path) == "-":
        return path
    folder = path.absolute().parent
    if not folder.is_dir():
        raise typer.BadParameter(f"the folder {folder} does not exist.")
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; give a file.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise typer.BadParameter(f"{path} may not be written.")
    return path


def _order(name: str) -> str:
    from greenroom.residency.eviction_order import ORDERS
    from greenroom.simulate.play import BELADY

    if name not in (known := (*ORDERS, BELADY)):
        raise typer.BadParameter(f"{name!r} is not an order; it must be one of {', '.join(known)}.")
    return name


def simulate(
    trace: Annotated[
        Path,
        typer.Argument(
            metavar="TRACE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="CSV of time, model and seconds of work, plain or gzip; or a request log.",
        ),
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="TOML with the models' costs and policies; see docs/simulation.md.",
        ),
    ] = None,
    from_url: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="URL",
            help="Take costs, policies and memory from this service. --config takes precedence.",
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option("--api-key", envvar="GREENROOM_API_KEY", help="API key for --from."),
    ] = None,
    gpus: Annotated[
        int,
        typer.Option(
            "--gpus", min=1, max=1000, help="Number of GPUs, each with its own Greenroom."
        ),
    ] = 1,
    memory: Annotated[
        str | None,
        typer.Option(
            "--memory",
            metavar="BYTES",
            help="GPU memory for models on each GPU, such as 80GB; none: no limit.",
        ),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="JSON",
            help="Policies by model as in GREENROOM_POLICY; * stands for all models.",
        ),
    ] = None,
    offload_after: Annotated[
        float | None,
        typer.Option("--offload-after", help="Idle seconds of every model before its offload."),
    ] = None,
    unload_after: Annotated[
        float | None,
        typer.Option("--unload-after", help="Idle seconds of every model before its unload."),
    ] = None,
    default_model: Annotated[
        str,
        typer.Option(
            "--default-model",
            metavar="COSTS",
            help="Costs of all other models; unload, overhead, run and at_once are possible too.",
        ),
    ] = "load=20,restore=0.35,offload=0.05,bytes=1GB",
    eviction: Annotated[
        str,
        typer.Option(
            "--eviction",
            metavar="ORDER",
            callback=_order,
            help="Order in which idle models make room; belady is the best possible one.",
        ),
    ] = "lru",
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare all eviction orders in one table.")
    ] = False,
    machines: Annotated[
        str | None,
        typer.Option(
            "--machines",
            metavar="A..B",
            help="Try fleets of A to B machines, routed by residency, evenly and at random.",
        ),
    ] = None,
    sweep: Annotated[
        Swept | None,
        typer.Option(
            "--sweep",
            help="Try many values of this field, and mark the best, at the knee of the curve.",
        ),
    ] = None,
    advise: Annotated[
        bool,
        typer.Option("--advise", help="Recommend settings for the trace, and say what they save."),
    ] = False,
    time_column: Annotated[
        str | None, typer.Option("--time-column", help="Name of the column with the times.")
    ] = None,
    model_column: Annotated[
        str | None, typer.Option("--model-column", help="Name of the column with the models.")
    ] = None,
    seconds_column: Annotated[
        str | None,
        typer.Option("--seconds-column", help="Name of the column with the seconds of work."),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", min=0, max=1e9, help="Seconds of work where the trace has none."),
    ] = None,
    scale: Annotated[
        float,
        typer.Option(
            "--scale", min=0, max=1e6, help="Factor for the seconds of work in the trace."
        ),
    ] = 1.0,
    json_file: Annotated[
        Path | None,
        typer.Option(
            "--json",
            metavar="FILE",
            callback=_new_file,
            help="Write the numbers to this file, as JSON.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            callback=_new_file,
            help="Draw a chart into this .svg or .png file.",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Replay TRACE with Greenroom's own decisions: which requests would have waited, and how long.

    Nothing is started. The costs of models come from --config or --from, those of other models from
    --default-model. It finds the columns time, model and seconds by name, and also reads Alibaba's
    GenAI trace (2026), Azure's LLM traces (2023; with --seconds) and Greenroom's request log.
    """
    from greenroom.simulate.study import Study, run
    from greenroom.simulate.trace_file import Columns

    study = Study(
        trace=trace,
        columns=Columns(time_column, model_column, seconds_column, scale, seconds),
        config=config,
        from_url=from_url,
        api_key=api_key,
        gpus=gpus,
        memory=memory,
        policy=policy,
        offload_after=offload_after,
        unload_after=unload_after,
        default_model=default_model,
        eviction=eviction,
        compare=compare,
        machines=machines,
        sweep=sweep,
        advise=advise,
        json_file=json_file,
        plot=plot,
        quiet=quiet,
    )
    with _failing_plainly():
        run(study)


def export_trace(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Files of GREENROOM_REQUEST_LOG, rotated ones too.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=_new_file,
            help="File to write; - writes to standard output.",
        ),
    ] = Path("-"),
) -> None:
    """Make a trace of Greenroom's request log: CSV of time, model and seconds of work."""
    from greenroom.simulate.export import run

    with _failing_plainly():
        run(logs, output)

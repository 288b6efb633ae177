"""The verbs that show and change where the models are."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from greenroom_client.cli import options
from greenroom_client.cli.progress import Phases
from greenroom_client.cli.session import Session
from greenroom_client.cli.shown import printable
from greenroom_client.cli.status_view import print_status
from greenroom_client.cli.watching import watch_lines, watch_table
from greenroom_client.defaults import DEFAULT_URL

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient
    from greenroom_client.residency import ModelResidency


def status(
    watch: Annotated[
        bool,
        typer.Option("--watch", "-w", help="Keep watching: a live table, or one line per change."),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print the server's JSON; with --watch one line per change."),
    ] = False,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
) -> None:
    """Show the state of each model: cold, warm or hot."""
    from greenroom_client.client import Client  # imports numpy and tritonclient

    console = Console()
    with Client(url, api_key) as client:
        if watch and console.is_terminal and not as_json:
            watch_table(client, console)
        elif watch:
            watch_lines(client, console, as_json)
        else:
            print_status(client.residency(), console, as_json)


def load(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Load MODEL from disk onto the GPU."""
    _move(model, lambda client: client.load(model), Session(url, api_key, quiet))


def offload(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Take MODEL off the GPU; its weights stay in host memory."""
    _move(model, lambda client: client.offload(model), Session(url, api_key, quiet))


def restore(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Bring MODEL from host memory back onto the GPU."""
    _move(model, lambda client: client.restore(model), Session(url, api_key, quiet))


def unload(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """End the process of MODEL; nothing of it stays in memory."""
    _move(model, lambda client: client.unload(model), Session(url, api_key, quiet))


def _move(
    model: str, ask: Callable[["AsyncClient"], Awaitable["ModelResidency"]], session: Session
) -> None:
    started = time.monotonic()
    reached = session.run(ask, Phases((model,), f"waiting for {model}"))
    residency = printable(str(reached.get("residency")))
    typer.echo(f"{model} is {residency}, took {time.monotonic() - started:.1f} s")

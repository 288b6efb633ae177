"""The verbs that show and change where the models are."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from greenroom_client.cli import options
from greenroom_client.cli.progress import Phases
from greenroom_client.cli.session import Session
from greenroom_client.cli.status_view import event_line, status_view
from greenroom_client.defaults import DEFAULT_URL
from greenroom_client.errors import ConnectionFailed, GreenroomClientError

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient
    from greenroom_client.client import Client
    from greenroom_client.residency import ModelResidency

REFRESH_SECONDS = 0.5


def status(
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Follow: a live table, or a line per change.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the server's JSON; with --watch a line each.")
    ] = False,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
) -> None:
    """Show where the models are."""
    from greenroom_client.client import Client  # imports numpy and tritonclient

    console = Console()
    with Client(url, api_key) as client:
        if watch and console.is_terminal and not as_json:
            _watch_table(client, console)
        elif watch:
            _watch_lines(client, console, as_json)
        else:
            _print(client.residency(), console, as_json)


def load(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Bring MODEL from disk onto the GPU."""
    _move(model, lambda client: client.load(model), Session(url, api_key, quiet))


def offload(
    model: options.Model,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Free the GPU of MODEL; its weights stay in host memory."""
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
    typer.echo(f"{model} is {reached.get('residency')}, took {time.monotonic() - started:.1f} s")


def _watch_table(client: "Client", console: Console) -> None:
    with Live(console=console, auto_refresh=False) as live:
        while True:
            try:
                live.update(status_view(client.residency()), refresh=True)
            except GreenroomClientError as error:
                live.update(Text(str(error), style="red"), refresh=True)
            time.sleep(REFRESH_SECONDS)


def _watch_lines(client: "Client", console: Console, as_json: bool) -> None:
    # Subscribed before the report is read, so that no change falls between the two.
    with client.events() as events:
        _print(client.residency(), console, as_json)
        for event in events:
            typer.echo(json.dumps(event) if as_json else event_line(event))
    raise ConnectionFailed("the server has ended the stream of events.")


def _print(report: Mapping[str, Any], console: Console, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report))
    else:
        console.print(status_view(report))

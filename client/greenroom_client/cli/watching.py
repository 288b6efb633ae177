"""``greenroom status --watch``: a live table on a terminal, a line per change elsewhere."""

import json
import time
from typing import TYPE_CHECKING

import typer
from rich.console import Console, Group
from rich.live import Live

from greenroom_client.cli.shown import cell
from greenroom_client.cli.status_view import event_line, print_status, status_view
from greenroom_client.errors import ConnectionFailed, GreenroomClientError, Refused

if TYPE_CHECKING:
    from greenroom_client.client import Client

REFRESH_SECONDS = 0.5


def watch_table(client: "Client", console: Console) -> None:
    """Show a table that follows, until interrupted.

    A server that goes away is waited for; one that cannot be reached at first is an error. The
    terminal's other screen is used, where a change of its size leaves no remains.
    """
    view = status_view(client.residency())
    try:
        with Live(view, console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_SECONDS)
                try:
                    view = status_view(client.residency())
                except Refused:
                    raise
                except GreenroomClientError as error:
                    view = Group(view.renderables[0], cell(error, "red"))
                live.update(view, refresh=True)
    finally:
        console.print(view)


def watch_lines(client: "Client", console: Console, as_json: bool) -> None:
    """Print the state, then each transition, until the server ends it."""
    # Subscribed before the report is read, so that no change falls between the two.
    with client.events() as events:
        print_status(client.residency(), console, as_json)
        for event in events:
            typer.echo(json.dumps(event) if as_json else event_line(event))
    raise ConnectionFailed("the server closed the stream of events.")

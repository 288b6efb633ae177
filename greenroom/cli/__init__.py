"""The verbs of the command ``greenroom`` that need the server side installed."""

import typer

from greenroom.cli.up import up


def register(app: typer.Typer) -> None:
    """Add the server-side verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(up)

"""Verbs of other distributions, such as those of the server side."""

from importlib.metadata import entry_points

import typer

GROUP = "greenroom.commands"


def add_plugins(app: typer.Typer) -> None:
    """Let each entry point of the group, a function ``register(app)``, add its verbs."""
    for entry in entry_points(group=GROUP):
        try:
            entry.load()(app)
        # A plug-in may break in any way; the client's verbs go on without it.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            typer.echo(
                f"greenroom: the commands of {entry.value} are not available: {reason}", err=True
            )

"""The command line ``greenroom``: the client's verbs, and those that plug-ins add."""

import sys

import typer

from greenroom_client import sound_files
from greenroom_client.cli import (
    residency_verbs,
    speech_verbs,
    transcribe_verb,
    verify_verb,
    voices_verbs,
)
from greenroom_client.cli.plain_errors import PlainErrors
from greenroom_client.cli.plugins import add_plugins

app = typer.Typer(
    cls=PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Use the models of a Greenroom server, and control them.",
)
if sound_files.installed:
    app.command()(speech_verbs.clone)
    app.command()(speech_verbs.edit)
    app.command()(transcribe_verb.transcribe)
    app.add_typer(voices_verbs.app, name="voices")
app.command()(residency_verbs.status)
app.command()(residency_verbs.load)
app.command()(residency_verbs.offload)
app.command()(residency_verbs.restore)
app.command()(residency_verbs.unload)
app.command()(verify_verb.verify)


def main() -> None:
    """Run the command line and exit: 0, 1 (it failed), 2 (wrong usage), 130 (interrupted)."""
    own = {command.callback.__name__ for command in app.registered_commands if command.callback}
    own |= {group.name for group in app.registered_groups if group.name}
    # The client's verbs neither wait for the server side's imports nor depend on them.
    if not own.intersection(sys.argv[1:2]):
        add_plugins(app)
    app(prog_name="greenroom")

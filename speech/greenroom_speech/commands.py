"""The verbs of the command ``greenroom`` that need the speech plug-in installed."""

from typing import Annotated

import typer

from greenroom_speech.checkpoints import options


def register(app: typer.Typer) -> None:
    """Add the verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(pull)


# The verbs import their work when they run: every verb that is no client's passes through here.


def pull(
    what: Annotated[
        options.Releases,
        typer.Argument(metavar="WHAT", help="Which checkpoints.", show_choices=True),
    ] = options.Releases.ALL,
    models: options.Models = None,
    source: Annotated[
        options.Hub,
        typer.Option("--source", help="Where to fetch from. auto uses the first one that answers."),
    ] = options.Hub.AUTO,
    revision: Annotated[
        str | None,
        typer.Option(
            "--revision",
            help="Branch, tag or commit of the repositories, instead of the released files.",
        ),
    ] = None,
    whisper_model: options.WhisperModel = None,
) -> None:
    """Fetch released checkpoints: all, step-audio, step-audio-awq, whisper, or a part of these.

    Complete files are kept, and interrupted downloads continue. Sizes and hashes are
    verified. OpenAI publishes Whisper itself; ModelScope has large-v3 too.
    """
    from greenroom_speech.checkpoints.pull_command import run

    run(what, models, source, revision, whisper_model)

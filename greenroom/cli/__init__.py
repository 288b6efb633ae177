"""The verbs of the command ``greenroom`` that need the server side installed."""

from pathlib import Path
from typing import Annotated

import typer

from greenroom.cli import options
from greenroom.part import Part


def register(app: typer.Typer) -> None:
    """Add the server-side verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(up)
    app.command()(doctor)
    app.command()(pull)


# The verbs import their work when they run: every verb of the client passes through here.


def up(
    only: Annotated[
        Part | None,
        typer.Option("--only", help="Start this part alone; the others run elsewhere."),
    ] = None,
) -> None:
    """Start Triton, the gateway and the web page, and serve until Ctrl-C.

    All settings come from the environment as GREENROOM_*, for example GREENROOM_HTTP_PORT
    (8000), GREENROOM_GRPC_PORT (8001) or GREENROOM_GPU (0). It listens to other machines with
    GREENROOM_HOST=0.0.0.0, and then wants API keys in GREENROOM_API_KEYS_FILE. What dies is
    started again. SIGINT and SIGTERM end everything, with GREENROOM_DRAIN_TIMEOUT (2) seconds for
    the requests that run; a second one ends it at once.

    With --only the parts run apart, in containers or as different users: GREENROOM_TRITON_LISTEN
    and GREENROOM_TRITON_HOST say where Triton is, GREENROOM_TRITON_KEY is given to it and to the
    controller, GREENROOM_SHARED_DIR names a folder that both have, GREENROOM_UI_GATEWAY the
    gateway that the page asks.
    """
    from greenroom.cli.foreground import run

    run(only)


def doctor(
    models: Annotated[
        Path | None,
        typer.Option("--models", metavar="DIR", help="Look at this folder of checkpoints instead."),
    ] = None,
    whisper_model: options.WhisperModel = None,
    verify_hashes: Annotated[
        bool, typer.Option("--hash", help="With --models: read the files and compare hashes.")
    ] = False,
) -> None:
    """Check this machine, and say what is wrong and how to mend it.

    Exits with 1 if Greenroom cannot run here. Warnings do not keep it from running.

    With --models it says instead, file by file, what a folder of checkpoints has and lacks
    and which engines could run; it exits with 1 if one could not.
    """
    from greenroom.cli import doctor_table, models_table

    if models is None:
        doctor_table.run()
    else:
        models_table.run(models, whisper_model, verify_hashes)


def pull(
    what: Annotated[
        options.What, typer.Argument(metavar="WHAT", help="Which checkpoints.", show_choices=True)
    ] = options.What.ALL,
    models: options.Models = None,
    source: Annotated[
        options.Hub, typer.Option("--source", help="auto: the first one that answers.")
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
    """Fetch released checkpoints: all, step-audio, step-audio-editx, step-audio-tokenizer, whisper.

    What is there already is left alone, what broke off goes on where it stopped. Sizes and
    hashes are verified. OpenAI publishes Whisper itself; ModelScope has large-v3 too.
    """
    from greenroom.cli.pull import run

    run(what, models, source, revision, whisper_model)

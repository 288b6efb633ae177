"""The verbs of the command ``greenroom`` that need the server side installed."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the server-side verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(up)
    app.command()(doctor)


ModelRepository = Annotated[
    list[str] | None,
    typer.Option(
        "--model-repository",
        metavar="DIR",
        help="A Triton model repository; can be repeated.",
    ),
]

# The verbs import their work when they run: every verb of the client passes through here.


def up(
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="COMPONENT",
            help="Start triton, controller or a plug-in's process alone; the others run elsewhere.",
        ),
    ] = None,
    model_repository: ModelRepository = None,
) -> None:
    """Start Triton, the gateway and the plug-ins' processes, and serve until Ctrl-C.

    All settings come from the environment as GREENROOM_*, for example GREENROOM_HTTP_PORT
    (8000), GREENROOM_GRPC_PORT (8001) or GREENROOM_GPU (0). It listens to other machines with
    GREENROOM_HOST=0.0.0.0, and then needs API keys in GREENROOM_API_KEYS_FILE. A process that
    dies is started again. SIGINT and SIGTERM end everything; running requests may take
    GREENROOM_DRAIN_TIMEOUT (60) seconds to finish, or none after a second signal.

    With --only each component runs separately. GREENROOM_SHARED_DIR names a folder that Triton and
    the controller share; if both belong to one user, they connect by sockets in it. Between users
    or machines, GREENROOM_TRITON_LISTEN and GREENROOM_TRITON_HOST say where Triton is, and both
    need the same GREENROOM_TRITON_KEY.
    """
    from greenroom.supervisor.up import run

    run(only, model_repository)


def doctor(
    models: Annotated[
        Path | None,
        typer.Option(
            "--models",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Check this folder of checkpoints instead of the machine.",
        ),
    ] = None,
    verify_hashes: Annotated[
        bool,
        typer.Option("--hash", help="With --models: also read the files and compare their hashes."),
    ] = False,
    model_repository: ModelRepository = None,
) -> None:
    """Check this machine, and say what is wrong and how to fix it.

    Exits with 1 if Greenroom cannot run here. Greenroom runs in spite of warnings.

    With --models it checks a folder of checkpoints instead: which files are there, which are
    missing, and which engines can run. It then exits with 1 if one of them cannot.
    """
    from greenroom.supervisor import doctor_table

    doctor_table.run(models, verify_hashes, model_repository)

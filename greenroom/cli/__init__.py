"""The verbs of the command ``greenroom`` that need the server side installed."""

import typer


def register(app: typer.Typer) -> None:
    """Add the server-side verbs to the client's command; entry point `greenroom.commands`."""
    app.command()(up)
    app.command()(doctor)


# The verbs import their work when they run: every verb of the client passes through here.


def up() -> None:
    """Start Triton and the gateway, and serve until Ctrl-C.

    All settings come from the environment as GREENROOM_*, for example GREENROOM_HTTP_PORT
    (8000), GREENROOM_GRPC_PORT (8001) or GREENROOM_GPU (0). What dies is started again; SIGINT
    and SIGTERM end everything within 10 seconds, a second one at once.
    """
    from greenroom.cli.foreground import run

    run()


def doctor() -> None:
    """Check this machine, and say what is wrong and how to mend it.

    Exits with 1 if Greenroom cannot run here. Warnings do not keep it from running.
    """
    from greenroom.cli.doctor_table import run

    run()

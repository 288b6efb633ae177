"""``greenroom fleet``: up, status, down and config."""

from pathlib import Path
from typing import Annotated, Any

import typer

fleet = typer.Typer(no_args_is_help=True, help="Run many machines as one service, on Ray Serve.")


def register(app: typer.Typer) -> None:
    """Add the group to the client's command; entry point `greenroom.commands`."""
    app.add_typer(fleet, name="fleet")


Replicas = Annotated[
    int | None,
    typer.Option("--replicas", min=1, help="Replicas, each a whole Greenroom with a GPU [1]."),
]
MinReplicas = Annotated[
    int | None,
    typer.Option(
        "--min-replicas",
        min=0,
        help="Fewest replicas; the fleet then scales up to --replicas. 0: none without load.",
    ),
]

# The verbs import their work when they run: Ray takes a second.


@fleet.command()
def up(
    replicas: Replicas = None,
    min_replicas: MinReplicas = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Read all other options from this file, written by greenroom fleet config.",
        ),
    ] = None,
    ray_port: Annotated[
        int, typer.Option("--ray-port", min=1, max=65535, help="Port of Ray's head.")
    ] = 6379,
) -> None:
    """Start Ray and the replicas on this machine, and return when they serve.

    Settings come from the environment as for greenroom up: GREENROOM_HTTP_PORT (8000) and
    GREENROOM_GRPC_PORT (8001) are the ports of the fleet. Without API keys it serves only this
    machine.
    """
    with _plainly(cluster=True) as settings:
        from greenroom.fleet.config_file import arguments_of
        from greenroom.fleet.up import run

        kept = arguments_of(config) if config else {}
        run(kept | _given(replicas, min_replicas), ray_port, settings)


@fleet.command()
def status() -> None:
    """Show each replica with its models and its requests."""
    with _plainly() as settings:
        from greenroom.fleet.status import run

        run(settings)


@fleet.command()
def down() -> None:
    """Finish the running requests, then end all processes of the fleet on this machine."""
    with _plainly(cluster=True) as settings:
        from greenroom.fleet.down import run

        run(settings)


@fleet.command()
def config(replicas: Replicas = None, min_replicas: MinReplicas = None) -> None:
    """Print the config file for serve deploy, for a cluster that somebody else has started."""
    with _plainly() as settings:
        from greenroom.fleet.arguments import fleet_arguments
        from greenroom.fleet.serve_config import serve_config, written
        from greenroom.gateway.api_keys import api_keys

        given = fleet_arguments(_given(replicas, min_replicas))
        print(written(serve_config(given, settings, bool(api_keys(settings)))), end="")


def _given(replicas: int | None, min_replicas: int | None) -> dict[str, Any]:
    given = {"replicas": replicas, "min_replicas": min_replicas}
    return {name: value for name, value in given.items() if value is not None}


def _plainly(*, cluster: bool = False) -> Any:
    from greenroom.fleet.installed_ray import plainly

    return plainly(cluster)

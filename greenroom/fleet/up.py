"""``greenroom fleet up``: a head and its replicas on this machine, which others may join."""

import logging
import re
import signal
from typing import Any, NoReturn

from greenroom.errors import GreenroomError, SetupError
from greenroom.fleet.arguments import FleetArguments, fleet_arguments
from greenroom.fleet.cluster import check_free, end_all, processes, start_head, starting_alone
from greenroom.fleet.token import token_file
from greenroom.gateway.api_keys import api_keys
from greenroom.settings import Settings
from greenroom.supervisor.machine_checks import gpus as gpus_here
from greenroom.supervisor.service import http_url

APP = "default"
"""What Serve's own ListApplications tells everybody, so it says nothing."""
_KIND = re.compile(r"^[\w.]*(?:Error|Exception): ")


def run(given: dict[str, Any], ray_port: int, settings: Settings) -> None:
    """Return when all replicas serve, with everything running on; SetupError if that fails."""
    keys = bool(api_keys(settings))
    here = len(gpus_here())
    if not here:
        given = {"gpus_per_replica": 0, **given}
    arguments = fleet_arguments(given)
    lacking = _lacking_devices(arguments, here, keys)
    with starting_alone(settings):
        if processes(settings):
            raise SetupError(
                f"A fleet with HTTP port {settings.http_port} runs here already; greenroom fleet "
                "down ends it."
            )
        end_all(settings)  # of one that was killed there are files
        check_free(settings, ray_port, keys)
        _end_by_signals()
        try:
            address = start_head(settings, ray_port, None if here else 0)
            if keys:
                _say_how_to_join(address, settings, lacking)
            _deploy(arguments, address, settings, keys)
        except BaseException as error:
            end_all(settings)
            if isinstance(error, GreenroomError) or not isinstance(error, Exception):
                raise
            raise SetupError(f"The fleet did not start: {_last(str(error))}") from error
    _say_ready(settings, keys)


def _end_by_signals() -> None:
    """So that the other two that end a program end what it has started, as Ctrl-C does."""

    def interrupted(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def _lacking_devices(given: FleetArguments, here: int, keys: bool) -> str:
    """What other machines must bring, or nothing; SetupError if none can join."""
    wanted = given.replicas if given.min_replicas is None else given.min_replicas
    if wanted * given.gpus_per_replica <= here:
        return ""
    lacking = (
        f"replicas is {wanted} and gpus_per_replica {given.gpus_per_replica:g}, but this machine "
        f"has {here} GPUs"
    )
    if not keys:
        raise SetupError(f"{lacking}, and without API keys no other machine can join.")
    return f"{lacking}: waiting for other machines to join."


def _deploy(given: FleetArguments, address: str, settings: Settings, keys: bool) -> None:
    import ray
    from ray import serve

    from greenroom.fleet.application import fleet, grpc_options, http_options

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    ray.init(address, log_to_driver=False, logging_level="ERROR", namespace="serve")
    _end_by_signals()  # Ray has set its own, which aborts
    try:
        serve.start(
            proxy_location="EveryNode",
            http_options=http_options(settings),
            grpc_options=grpc_options(settings, keys),
        )
        serve.run(fleet(given, settings), name=APP, route_prefix="/")
    except RuntimeError as error:
        told = serve.status().applications.get(APP)  # none if it failed before
        reasons = [one.message for one in told.deployments.values() if one.message] if told else []
        raise SetupError(f"The fleet did not start: {_last(*reasons, str(error))}") from error
    finally:
        ray.shutdown()


def _last(*told: str) -> str:
    """Of what Ray tells: the last line of the first that says something, without its class."""
    lines = [text.strip().splitlines()[-1].strip() for text in told if text.strip()]
    return _KIND.sub("", lines[0]) if lines else "Ray does not say why."


def _say_ready(settings: Settings, keys: bool) -> None:
    if keys:
        print(f"The fleet is ready: HTTP {http_url(settings)}, gRPC port {settings.grpc_port}.")
        return
    print(
        f"The fleet is ready: HTTP {http_url(settings)}, for this machine alone; gRPC is closed. "
        "With API keys (GREENROOM_API_KEYS_FILE) GREENROOM_HOST may be another address and gRPC "
        "opens."
    )


def _say_how_to_join(address: str, settings: Settings, lacking: str) -> None:
    token = token_file(settings)
    print(
        "Another machine joins with the same GREENROOM_* settings, folders and version, and a "
        f"copy of {token} of mode 0600:\n"
        f"  RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={token} RAY_USAGE_STATS_ENABLED=0 "
        f"ray start --address={address}\n"
        "Ray's own ports listen on all interfaces. Let only the fleet's machines reach any port "
        f"but {settings.http_port} and {settings.grpc_port}; docs/fleet.md has the rules.",
        *filter(None, [lacking]),
        sep="\n",
        flush=True,  # it takes a while until all serve, or for ever
    )

"""``greenroom fleet up``: a head and its replicas on this machine, which others may join."""

from typing import Any

from greenroom.errors import GreenroomError, SetupError
from greenroom.fleet.cluster import end_all, processes, start_head
from greenroom.fleet.token import token_file
from greenroom.gateway.api_keys import api_keys
from greenroom.settings import Settings
from greenroom.supervisor.machine_checks import gpus as gpus_here
from greenroom.supervisor.service import http_url

APP = "default"
"""What Serve's own ListApplications tells everybody, so it says nothing."""


def run(given: dict[str, Any], ray_port: int, settings: Settings) -> None:
    """Return when all replicas serve, with everything running on; SetupError if that fails."""
    keys = bool(api_keys(settings))
    here = len(gpus_here())
    if not here:
        given = {"gpus_per_replica": 0, **given}
    if processes(settings):
        raise SetupError(
            f"A fleet with HTTP port {settings.http_port} runs here already; greenroom fleet down "
            "ends it."
        )
    try:
        address = start_head(settings, ray_port, None if here else 0)
        _deploy(given, address, settings, keys)
    except BaseException as error:
        end_all(settings)
        if isinstance(error, GreenroomError | KeyboardInterrupt):
            raise
        raise SetupError(
            f"The fleet did not start: {str(error).strip().splitlines()[-1]}"
        ) from error
    _say(address, settings, keys)


def _deploy(given: dict[str, Any], address: str, settings: Settings, keys: bool) -> None:
    import ray
    from ray import serve

    from greenroom.fleet.application import FleetArguments, fleet, grpc_options, http_options

    ray.init(address, log_to_driver=False, logging_level="ERROR", namespace="serve")
    try:
        serve.start(
            proxy_location="EveryNode",
            http_options=http_options(settings),
            grpc_options=grpc_options(settings, keys),
        )
        serve.run(fleet(FleetArguments.model_validate(given)), name=APP, route_prefix="/")
    except RuntimeError as error:
        told = serve.status().applications.get(APP)  # none if it failed before
        reasons = [one.message for one in told.deployments.values() if one.message] if told else []
        raise SetupError(f"The fleet did not start: {' '.join(reasons) or error}") from error
    finally:
        ray.shutdown()


def _say(address: str, settings: Settings, keys: bool) -> None:
    print(f"The fleet is ready: HTTP {http_url(settings)}", end="")
    if not keys:
        print(
            ", for this machine alone; gRPC is closed. With API keys "
            "(GREENROOM_API_KEYS_FILE) GREENROOM_HOST may be another address and gRPC opens."
        )
        return
    print(f", gRPC port {settings.grpc_port}.")
    token = token_file(settings)
    print(
        "Another machine joins with the same GREENROOM_* settings, folders and version, and a "
        f"copy of {token} of mode 0600:\n"
        f"  RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={token} RAY_USAGE_STATS_ENABLED=0 "
        f"ray start --address={address}\n"
        "Ray's own ports listen on all interfaces. Let only the fleet's machines reach any port "
        f"but {settings.http_port} and {settings.grpc_port}; docs/fleet.md has the rules."
    )

"""The fleet as Ray Serve is given it: by `greenroom fleet up`, and by a config file."""

from typing import Any

from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

from greenroom.fleet.arguments import FleetArguments, fleet_arguments
from greenroom.fleet.deployment import Replica
from greenroom.fleet.own_greenroom import AFTER_DRAIN
from greenroom.settings import Settings

REPORT_EVERY = 0.5
"""Seconds between a replica's reports to the routers."""
_HEALTH_EVERY = 2.0
_BOUNDED_BY_GREENROOM = 10_000
"""Requests at a replica: its own limits are the ones that count, and say why."""
_LOOK_BACK = 15.0
"""Seconds over which Ray takes the mean of requests; replicas tell theirs every 10 s."""


def build(arguments: dict[str, Any]) -> Application:
    """Entry point of a Serve config file: import_path greenroom.fleet.application:build."""
    return fleet(fleet_arguments(arguments), Settings())


def fleet(given: FleetArguments, settings: Settings) -> Application:
    """One deployment of whole Greenrooms."""
    options: dict[str, Any] = {
        "name": "greenroom",
        "ray_actor_options": {"num_cpus": 0, "num_gpus": given.gpus_per_replica},
        "max_ongoing_requests": _BOUNDED_BY_GREENROOM,
        "health_check_period_s": _HEALTH_EVERY,
        "graceful_shutdown_timeout_s": settings.drain_timeout + AFTER_DRAIN,
        "graceful_shutdown_wait_loop_s": REPORT_EVERY,
        "num_replicas": given.replicas,
    }
    if given.residency_router:
        options["request_router_config"] = RequestRouterConfig(
            request_router_class="greenroom.fleet.router:ResidencyRouter",
            request_routing_stats_period_s=REPORT_EVERY,
        )
    if given.min_replicas is not None:
        del options["num_replicas"]
        options["autoscaling_config"] = AutoscalingConfig(
            min_replicas=given.min_replicas,
            max_replicas=given.replicas,
            target_ongoing_requests=given.waiting_per_replica,
            look_back_period_s=_LOOK_BACK,
            upscale_delay_s=given.grow_after,
            downscale_delay_s=given.shrink_after,
            policy=AutoscalingPolicy(policy_function="greenroom.fleet.scaling:policy"),
        )
    application: Application = serve.deployment(**options)(Replica).bind()
    return application


def http_options(settings: Settings) -> dict[str, Any]:
    """Of the proxies: one on every node."""
    return {"host": settings.host, "port": settings.http_port, "location": "EveryNode"}


def grpc_options(settings: Settings, keys: bool) -> dict[str, Any] | None:
    """None without keys: that door has no option for its host and would let everybody in."""
    if not keys:
        return None
    servicer = "greenroom.fleet.kserve_servicer.add_to_server"
    return {"port": settings.grpc_port, "grpc_servicer_functions": [servicer]}

"""The fleet as Ray Serve is given it: by `greenroom fleet up`, and by a config file."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

from greenroom.fleet.deployment import Replica
from greenroom.settings import Settings

REPORT_EVERY = 0.5
"""Seconds between a replica's reports to the routers."""
_HEALTH_EVERY = 2.0
_BOUNDED_BY_GREENROOM = 10_000
"""Requests at a replica: its own limits are the ones that count, and say why."""
_LONGEST_DRAIN = 120.0
_REQUESTS_PER_REPLICA = 4.0
_LOOK_BACK = 15.0
"""Seconds over which Ray takes the mean of requests; replicas tell theirs every 10 s."""


class FleetArguments(BaseModel):
    """What a config file may say beside the environment of the machines."""

    model_config = ConfigDict(extra="forbid")

    replicas: int = Field(
        1,
        ge=0,
        description="Number of replicas, or the largest number if min_replicas is given.",
    )
    min_replicas: int | None = Field(
        None,
        ge=0,
        description="Smallest number of replicas. If set, the fleet scales by its load.",
    )
    gpus_per_replica: float = Field(
        1,
        ge=0,
        description="GPUs of each replica. 0 places replicas by CPUs alone.",
    )
    waiting_per_replica: float = Field(
        _REQUESTS_PER_REPLICA,
        gt=0,
        description="Requests, running or waiting, that one replica should have.",
    )
    grow_after: float = Field(
        10.0,
        ge=0,
        description="Seconds for which more replicas must be needed before they are added. 0 "
        "adds them at once.",
    )
    shrink_after: float = Field(
        300.0,
        ge=0,
        description="Seconds for which fewer replicas must be enough before some are removed. 0 "
        "removes them at once.",
    )
    residency_router: bool = Field(
        True,
        description="Whether requests are sent where their models are. false uses Ray's own "
        "router.",
    )


def build(arguments: dict[str, Any]) -> Application:
    """Entry point of a Serve config file: import_path greenroom.fleet.application:build."""
    return fleet(FleetArguments.model_validate(arguments))


def fleet(given: FleetArguments) -> Application:
    """One deployment of whole Greenrooms."""
    options: dict[str, Any] = {
        "name": "greenroom",
        "ray_actor_options": {"num_cpus": 0, "num_gpus": given.gpus_per_replica},
        "max_ongoing_requests": _BOUNDED_BY_GREENROOM,
        "health_check_period_s": _HEALTH_EVERY,
        "graceful_shutdown_timeout_s": _LONGEST_DRAIN,
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

"""``greenroom fleet config``: what `serve deploy` and KubeRay take, as YAML."""

from typing import Any

import yaml

from greenroom.fleet.application import grpc_options, http_options
from greenroom.fleet.arguments import FleetArguments
from greenroom.fleet.up import APP
from greenroom.settings import Settings


def serve_config(given: FleetArguments, settings: Settings, keys: bool) -> dict[str, Any]:
    """Ray Serve's config file; the settings themselves stay in the machines' environment."""
    grpc = grpc_options(settings, keys)
    http = http_options(settings)
    return {
        "proxy_location": http.pop("location"),
        "http_options": http,
        **({"grpc_options": grpc} if grpc else {}),
        "applications": [
            {
                "name": APP,
                "route_prefix": "/",
                "import_path": "greenroom.fleet.application:build",
                "args": given.model_dump(exclude_none=True),
            }
        ],
    }


def written(config: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(config, sort_keys=False)
    return text

"""What has to be so before tritonserver is started, and how it is started."""

from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.settings import Settings
from greenroom.tracing import endpoint
from greenroom.triton.backend_directory import backend_directory
from greenroom.triton.client_shm import client_shm_options
from greenroom.triton.command_line import triton_command_line
from greenroom.triton.compiled_repositories import compile_repositories
from greenroom.triton.endpoints import endpoints
from greenroom.triton.environment import triton_environment
from greenroom.triton.installation import find_installation
from greenroom.triton.leftovers import clear_leftovers
from greenroom.triton.region_prefix import region_prefix
from greenroom.triton.restart_request import forget_request

LIVE = "/v2/health/live"
READY = "/v2/health/ready"


@dataclass(frozen=True)
class Launch:
    """A program and its environment."""

    command_line: list[str]
    environment: dict[str, str]
    umask: int = 0o077
    """Its sockets are nobody else's, from the moment on in which they are there."""


def prepare_launch(settings: Settings, inherited: Mapping[str, str]) -> Launch:
    """Clear away what an earlier server has left, and make what this one needs.

    Raises SetupError if something is missing.
    """
    forget_request(settings)
    found = find_installation(settings)
    backends = backend_directory(found, settings.runtime.resolve())
    compile_repositories(*settings.repositories)
    clear_leftovers(region_prefix(settings))
    endpoints(settings).remove_sockets()
    environment = triton_environment(settings, found, inherited)
    command_line = triton_command_line(settings, found, backends, endpoint(inherited))
    return Launch([*command_line, *client_shm_options(settings, found, environment)], environment)

"""What a plug-in may use of Greenroom: this, and the modules that docs/plugins.md names."""

from greenroom.addresses import is_loopback, url
from greenroom.errors import (
    BROKEN,
    Conflict,
    GreenroomError,
    InvalidInput,
    SetupError,
    Unavailable,
    UnknownModel,
)
from greenroom.gateway.api_keys import Scope
from greenroom.gateway.app import ERROR_HANDLERS
from greenroom.gateway.app_plugin import App, AppLease, Gateway, Held, ModelFacts
from greenroom.gateway.http_server import HttpServer, http_socket
from greenroom.gateway.json_head import refuse_wide
from greenroom.gateway.memory_return import return_memory
from greenroom.gateway.request_body import hold_of
from greenroom.managed.stepped_engine import Piece
from greenroom.origin_guard import OriginGuard, Refusal
from greenroom.residency.policy import Policy
from greenroom.runtime_folder import runtime_folder
from greenroom.settings import EnvironmentSettings, ModelSettings, Port, Settings
from greenroom.settings.exported import exported
from greenroom.supervisor import Service
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.component import PluginProcess
from greenroom.supervisor.plain_errors import failing_plainly
from greenroom.supervisor.ports import Listener, free_settings
from greenroom.triton.numpy_tensors import Array, Tensors
from greenroom.triton.repository import ModelSpec, Repository

__all__ = [
    "BROKEN",
    "ERROR_HANDLERS",
    "App",
    "AppLease",
    "Array",
    "CheckResult",
    "Conflict",
    "EnvironmentSettings",
    "Gateway",
    "GreenroomError",
    "Held",
    "HttpServer",
    "InvalidInput",
    "Listener",
    "ModelFacts",
    "ModelSettings",
    "ModelSpec",
    "OriginGuard",
    "Piece",
    "PluginProcess",
    "Policy",
    "Port",
    "Refusal",
    "Repository",
    "Scope",
    "Service",
    "Settings",
    "SetupError",
    "Tensors",
    "Unavailable",
    "UnknownModel",
    "exported",
    "failing_plainly",
    "free_settings",
    "hold_of",
    "http_socket",
    "is_loopback",
    "refuse_wide",
    "return_memory",
    "runtime_folder",
    "url",
]

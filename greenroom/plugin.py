"""What a plug-in may use of Greenroom, beside `greenroom.errors` and `greenroom.managed`.

docs/plugins.md shows how.
"""

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
from greenroom.settings import EnvironmentSettings, ModelSettings, Port, Settings
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.component import PluginProcess
from greenroom.supervisor.ports import Listener
from greenroom.triton.tensor_calls import Array, Tensors

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
    "InvalidInput",
    "Listener",
    "ModelFacts",
    "ModelSettings",
    "PluginProcess",
    "Port",
    "Scope",
    "Settings",
    "SetupError",
    "Tensors",
    "Unavailable",
    "UnknownModel",
]

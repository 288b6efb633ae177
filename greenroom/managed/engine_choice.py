"""Which engine a model runs: the one that the environment names, else its config.

A name is either ``package.module:Class`` or that of an entry point in the group
``greenroom.engines.<model>``, by which an installed package offers engines for a model.
"""

import os
import pkgutil
import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from greenroom.errors import SetupError
from greenroom.managed.engine import Engine
from greenroom.settings import ModelSettings

_GROUP = "greenroom.engines"


def chosen_engine(model: str, config: Mapping[str, Any], settings: ModelSettings) -> Engine:
    """Make the engine of a model; its class is called with ``settings``.

    ``config`` is Triton's model config as a dict. Raises SetupError if no engine has the name, or
    if it cannot be imported.
    """
    parameters = config.get("parameters", {})
    name = engine_name(model, parameters.get("engine", {}).get("string_value", ""))
    path = engine_path(model, name)
    try:
        make = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise SetupError(
            f"Engine {path!r} of model {model!r} cannot be imported: {error}."
        ) from error
    engine: Engine = make(settings)
    return engine


def engine_name(model: str, configured: str) -> str:
    """``GREENROOM_<MODEL>_ENGINE`` of the environment, else the one in its config."""
    variable = re.sub(r"\W", "_", f"GREENROOM_{model}_ENGINE").upper()
    return os.environ.get(variable) or configured


def engine_path(model: str, name: str) -> str:
    """``package.module:Class``; nothing is imported.

    Raises SetupError with the choices if no engine has the name.
    """
    if ":" in name:
        return name
    group = f"{_GROUP}.{model}"
    installed = {entry.name: entry.value for entry in entry_points(group=group)}
    if name not in installed:
        choices = ", ".join([*sorted(installed), "package.module:Class"])
        raise SetupError(
            f"The engine of model {model!r} is {name!r}; it must be one of {choices}. "
            f"Installed packages offer engines by entry points of the group {group}."
        )
    return installed[name]

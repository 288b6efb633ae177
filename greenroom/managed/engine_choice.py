"""Which engine a model runs: the environment's, else its config's."""

import os
import pkgutil
import re
from collections.abc import Mapping
from typing import Any

from greenroom.errors import SetupError
from greenroom.managed.engine import Engine
from greenroom.settings import ModelSettings


def chosen_engine(
    model: str, config: Mapping[str, Any], engines: Mapping[str, str], settings: ModelSettings
) -> Engine:
    """Make the engine of a model.

    ``config`` is Triton's model config as a dict, ``engines`` maps the names to be chosen
    from to ``package.module:Class``; only the chosen module is imported. The class is called
    with ``settings``. SetupError names the choices when the name is none of them.
    """
    parameters = config.get("parameters", {})
    configured = parameters.get("engine", {}).get("string_value", "")
    name = engine_name(model, configured)
    if name not in engines:
        raise SetupError(
            f"engine of model {model!r} is {name!r}; it must be one of {', '.join(engines)}."
        )
    engine: Engine = pkgutil.resolve_name(engines[name])(settings)
    return engine


def engine_name(model: str, configured: str) -> str:
    """Return ``GREENROOM_<MODEL>_ENGINE`` of the environment, else the one in its config."""
    variable = re.sub(r"\W", "_", f"GREENROOM_{model}_ENGINE").upper()
    return os.environ.get(variable) or configured

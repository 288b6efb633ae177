"""Settings as the environment variables that read back as the same settings."""

import json
from collections.abc import Mapping

from pydantic import SecretStr

from greenroom.settings import EnvironmentSettings, Settings
from greenroom.settings.environment import PREFIX


def exported(settings: EnvironmentSettings) -> dict[str, str]:
    """The settings as variables; a setting that is None has none."""
    values = settings.model_dump(mode="json", exclude_none=True)
    for name, value in settings:
        if isinstance(value, SecretStr):
            values[name] = value.get_secret_value()
    return {
        f"{PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def child_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """The inherited environment with exactly these settings in it.

    The runtime folder is always among them: a child's own user may have another default.
    """
    ours = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    kept = {name: value for name, value in inherited.items() if name not in ours}
    settings = settings.model_copy(update={"runtime_dir": settings.runtime})
    return {**kept, **exported(settings), "PYTHONUNBUFFERED": "1"}

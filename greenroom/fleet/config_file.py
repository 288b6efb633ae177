"""What a file of `greenroom fleet config` says; read without Ray."""

from typing import Any

import yaml

from greenroom.errors import SetupError


def arguments_of(text: str) -> dict[str, Any]:
    """Of a file that `greenroom fleet config` wrote; SetupError for another one."""
    try:
        found: dict[str, Any] = yaml.safe_load(text)["applications"][0]["args"]
    except (yaml.YAMLError, LookupError, TypeError) as error:
        raise SetupError(
            "The config file does not describe a fleet; greenroom fleet config writes one."
        ) from error
    return found

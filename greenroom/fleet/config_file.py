"""What a file of `greenroom fleet config` says; read without Ray."""

from pathlib import Path
from typing import Any

import yaml

from greenroom.errors import SetupError


def arguments_of(path: Path) -> dict[str, Any]:
    """Of a file that `greenroom fleet config` wrote; SetupError for another one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["applications"][0]["args"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, LookupError, TypeError):
        found = None
    if not isinstance(found, dict):
        raise SetupError(f"{path} does not describe a fleet; greenroom fleet config writes one.")
    return found

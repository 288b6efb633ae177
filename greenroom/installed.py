"""What installed plug-ins offer by entry points."""

from importlib.metadata import entry_points
from typing import Any

from greenroom.errors import SetupError


def installed(group: str) -> list[Any]:
    """Load all entry points of a group. Raises SetupError for one that cannot be loaded."""
    found = []
    for entry in entry_points(group=group):
        try:
            found.append(entry.load())
        except Exception as error:
            raise SetupError(
                f"Plug-in {entry.value} ({group}) cannot be loaded: "
                f"{type(error).__name__}: {error}. Fix or uninstall it."
            ) from error
    return found

"""The folders in which a service keeps what its processes need between runs."""

import os
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.settings import Settings


def runtime_folder(settings: Settings) -> Path:
    """Made if it is missing; SetupError if that fails."""
    folder = settings.runtime
    if reason := _why_unusable(folder):
        raise SetupError(
            f"The runtime folder {folder} cannot be used ({reason}); set GREENROOM_RUNTIME_DIR."
        )
    return folder


def shared_folder(settings: Settings) -> Path:
    """Of Triton and the controller; made if it is missing. SetupError if that fails."""
    if settings.shared_dir is None:
        return runtime_folder(settings)
    folder = settings.shared_dir
    if reason := _why_unusable(folder):
        raise SetupError(
            f"The shared folder {folder} cannot be used ({reason}); set GREENROOM_SHARED_DIR."
        )
    return folder


def _why_unusable(folder: Path) -> str | None:
    """Makes the folder if it is missing; None if it can be worked in."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror
    return None if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written to"

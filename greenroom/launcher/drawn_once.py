"""Values of the runtime folder that are drawn once and then stay the same."""

import contextlib
import os
import secrets
from pathlib import Path

from greenroom.config import Settings


def triton_key(settings: Settings) -> str:
    """Return the key of Triton's repository API: the configured one, else the drawn one."""
    if settings.triton_key:
        return settings.triton_key.get_secret_value()
    return drawn_once(settings.runtime / "triton.key", secrets.token_urlsafe(32))


def region_prefix(settings: Settings) -> str:
    """Return what the names of this service's shared-memory regions begin with.

    Drawn, not computed from the folder's path: containers that share /dev/shm may have
    the same paths.
    """
    return drawn_once(settings.runtime / "region.prefix", f"greenroom-{secrets.token_hex(6)}-")


def drawn_once(path: Path, value: str) -> str:
    """Return the content of a file; if it does not exist, write the value into it, mode 0600.

    Safe against processes that do the same at the same time: all return one value.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(value)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text()

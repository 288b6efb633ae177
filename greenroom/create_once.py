"""A value that is drawn once and then stays the same."""

import contextlib
import os
import secrets
from pathlib import Path


def drawn_once(path: Path, value: str, mode: int = 0o600) -> str:
    """Return the content of a file; if it does not exist, write the value into it.

    Safe against processes that do the same at the same time: all return one value.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(value)
    draft.chmod(mode)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text()

"""A random value that is created once and then stays the same."""

import fcntl
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from greenroom.errors import SetupError

logger = logging.getLogger(__name__)


def drawn_once(
    path: Path, form: re.Pattern[str], draw: Callable[[], str], mode: int = 0o600
) -> str:
    """The content of a file; if that has not the form, a value is drawn and written there.

    Safe against processes that do the same at the same time: all return one value. What a
    power cut or somebody else has left in the file is never returned, but created anew with a
    warning. Raises SetupError if the file cannot be read or written.
    """
    try:
        if (kept := _read(path, form)) is not None:
            return kept
        with _alone(path.parent):
            if (kept := _read(path, form)) is not None:
                return kept
            if path.exists():
                logger.warning("%s is damaged: a new one is created", path)
            value = draw()
            _write(path, value, mode)
            return value
    except OSError as error:
        raise SetupError(
            f"{path} cannot be read or written ({error.strerror}); remove it, or give its folder "
            "to the user of this process."
        ) from error


def _read(path: Path, form: re.Pattern[str]) -> str | None:
    with suppress(FileNotFoundError, UnicodeDecodeError):
        text = path.read_text(encoding="ascii").strip()
        return text if form.fullmatch(text) else None
    return None


def _write(path: Path, value: str, mode: int) -> None:
    """Replace the file in one step, and for good: it and its folder are on the disk after this."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(value)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    with _opened(path.parent) as folder:
        os.fsync(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder itself: a lock file of its own might be another user's."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

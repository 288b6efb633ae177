"""A file in the shared folder by which Triton's supervisor tells how it ended last."""

import json
import time
from dataclasses import dataclass

from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings

_FILE = "triton.death"


@dataclass(frozen=True)
class Death:
    """An end of Triton. `signal` 0: an exit, or the supervisor ended it."""

    signal: int
    at: float
    """Unix time at which it was noticed."""


def tell_death(settings: Settings, signal: int) -> None:
    """Write down that Triton has ended. Before it is started again: who sees a new one may read."""
    path = shared_folder(settings) / _FILE
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({"signal": signal, "at": time.time()}))
    draft.chmod(0o644)
    draft.replace(path)


def last_death(settings: Settings) -> Death | None:
    """None if none is known, or not in words that can be read."""
    try:
        told = json.loads((settings.shared / _FILE).read_text())
        return Death(int(told["signal"]), float(told["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None

"""Finds a model's own process, to end one that hangs.

A Python backend's stub is called with the path of the model's code and the name of its
shared-memory region, which begins with this service's prefix.
"""

import contextlib
from pathlib import Path

import psutil

from greenroom.launcher.leftovers import stubs


def backend_processes(model: str, region_prefix: str) -> list[psutil.Process]:
    """Return the living processes of a model; none if it runs where this process can not see."""
    return [process for process in stubs(region_prefix) if _model_of(process) == model]


def kill_backend(model: str, region_prefix: str) -> int:
    """Kill the model's processes and return how many there were."""
    found = backend_processes(model, region_prefix)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(found)


def _model_of(process: psutil.Process) -> str | None:
    """Return the folder name in ``.../<model>/<version>/model.py``."""
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return None
    return Path(arguments[1]).parts[-3] if len(arguments) > 1 else None

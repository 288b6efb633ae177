"""The environment that tritonserver and the models' processes get."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.triton.installation import Installation
from greenroom.triton.python_library import libpython_folder, linker_looks_in

_NOT_FOR_MODELS = re.compile(r"GREENROOM_\w*(KEY|KEYS|KEYS_FILE|PASSWORD|SECRETS_DIR)")
"""Secrets, also those of plug-ins: models have no use for them."""


def triton_environment(
    settings: Settings, installation: Installation, inherited: Mapping[str, str]
) -> dict[str, str]:
    """What tritonserver gets, and the models' processes inherit."""
    environment = child_environment(settings, inherited)
    for name in filter(_NOT_FOR_MODELS.fullmatch, list(environment)):
        del environment[name]
    libraries = [installation.bundled_libraries, libpython_folder()]
    # What is named here goes before the libraries that packages bring along: the system's folder
    # would give torch the system's cuDNN.
    named = [folder for folder in libraries if folder and not linker_looks_in(folder)]
    environment["LD_LIBRARY_PATH"] = _joined(named, environment.get("LD_LIBRARY_PATH"))
    environment["PATH"] = _joined([Path(sys.executable).parent], environment.get("PATH"))
    # With as many arenas as glibc makes by itself Triton's heap goes on growing for hundreds of
    # requests of different sizes (docs/benchmarks.md).
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["CUDA_VISIBLE_DEVICES"] = visible_gpu(
        settings.gpu, inherited.get("CUDA_VISIBLE_DEVICES")
    )
    return environment


def visible_gpu(gpu: int, visible: str | None) -> str:
    """The one GPU Triton may see, as CUDA_VISIBLE_DEVICES.

    gpu counts within the devices that the inherited CUDA_VISIBLE_DEVICES leaves; an empty
    one hides all. Raises SetupError if gpu is beyond them.
    """
    if visible is None:
        return str(gpu)
    devices = [device.strip() for device in visible.split(",") if device.strip()]
    if not devices:
        return ""
    if gpu >= len(devices):
        raise SetupError(
            f"GREENROOM_GPU is {gpu}, but CUDA_VISIBLE_DEVICES={visible} "
            f"leaves only {len(devices)} of the GPUs, counted from 0."
        )
    return devices[gpu]


def _joined(folders: list[Path], rest: str | None) -> str:
    return os.pathsep.join([*map(str, folders), *([rest] if rest else [])])

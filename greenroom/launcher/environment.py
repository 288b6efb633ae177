"""The environment that the children of the supervisor get."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from greenroom.config import Settings
from greenroom.errors import SetupError
from greenroom.launcher.installation import Installation
from greenroom.launcher.python_library import libpython_folder, linker_looks_in

_PREFIX = "GREENROOM_"
_NOT_FOR_MODELS = (
    "TRITON_KEY",
    "API_KEYS",
    "API_KEYS_FILE",
    "API_KEY",
    "UI_KEY",
    "UI_PASSWORD",
    "SECRETS_DIR",
)


def exported(settings: Settings) -> dict[str, str]:
    """Return the settings as the environment variables that read back as the same settings."""
    values = settings.model_dump(mode="json", exclude_none=True)
    values["runtime_dir"] = str(settings.runtime)
    for name, value in settings:
        if isinstance(value, SecretStr):
            values[name] = value.get_secret_value()
    return {
        f"{_PREFIX}{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


def child_environment(settings: Settings, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the inherited environment with exactly these settings in it."""
    ours = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    kept = {name: value for name, value in inherited.items() if name not in ours}
    return {**kept, **exported(settings), "PYTHONUNBUFFERED": "1"}


def triton_environment(
    settings: Settings, installation: Installation, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of tritonserver, which the models' processes inherit."""
    environment = child_environment(settings, inherited)
    for name in _NOT_FOR_MODELS:
        environment.pop(f"{_PREFIX}{name}", None)
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
    """Return the one GPU Triton may see, as CUDA_VISIBLE_DEVICES.

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

"""Where the tritonserver of this machine is, and what lies around it."""

import os
import re
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.settings import Settings

STUB = "triton_python_backend_stub"
_LINKED_PYTHON = re.compile(rb"libpython(3\.\d+)\.so")


@dataclass(frozen=True)
class Installation:
    """One tritonserver binary with the folders that its kind of installation has."""

    binary: Path
    from_wheel: bool
    """The layout of the nvidia-pytriton wheel: stubs for every Python, kept apart."""

    @property
    def root(self) -> Path:
        """The folder above bin/."""
        return self.binary.parent.parent

    @property
    def python_backend(self) -> Path:
        """The folder of libtriton_python.so and triton_python_backend_utils.py."""
        return self.root / "backends" / "python"

    @property
    def bundled_libraries(self) -> Path | None:
        """The wheel's own shared libraries; None elsewhere."""
        return self.root.parent.parent / "nvidia_pytriton.libs" if self.from_wheel else None

    def stub(self, python: str) -> Path:
        """Where the stub for a Python, such as "3.11", has to be."""
        if self.from_wheel:
            return self.root / "python_backend_stubs" / python / STUB
        return self.python_backend / STUB


def installation(binary: Path) -> Installation:
    """Describe the installation a binary belongs to; a link is followed."""
    binary = binary.resolve()
    return Installation(binary, (binary.parent.parent / "python_backend_stubs").is_dir())


def find_installation(settings: Settings) -> Installation:
    """Find tritonserver: GREENROOM_TRITONSERVER, then PATH, then the nvidia-pytriton wheel.

    Raises SetupError when there is none, or when the configured one cannot be run.
    """
    if settings.tritonserver:
        if not os.access(settings.tritonserver, os.X_OK) or settings.tritonserver.is_dir():
            raise SetupError(
                f"GREENROOM_TRITONSERVER is {settings.tritonserver}, "
                "which is not a program that can be run."
            )
        return installation(settings.tritonserver)
    found = shutil.which("tritonserver") or _in_wheel()
    if found is None:
        raise SetupError(
            "No tritonserver was found in GREENROOM_TRITONSERVER, on PATH or in the package "
            "nvidia-pytriton; install it with: pip install 'greenroom[triton]'."
        )
    return installation(Path(found))


def python_of_stub(stub: Path) -> str | None:
    """The version, such as "3.11", that a stub is linked to; None if unknown."""
    linked = _LINKED_PYTHON.search(stub.read_bytes())
    return linked[1].decode() if linked else None


def _in_wheel() -> Path | None:
    package = find_spec("pytriton")
    for folder in (package.submodule_search_locations or []) if package else []:
        binary = Path(folder) / "tritonserver" / "bin" / "tritonserver"
        if binary.is_file():
            return binary
    return None

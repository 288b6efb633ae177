"""Where libpython is: the stub links it dynamically, this interpreter may not."""

import sys
import sysconfig
from pathlib import Path

from greenroom.errors import SetupError

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def libpython_folder() -> Path:
    """The interpreter's own prefix comes first. Raises SetupError.

    The configured LIBDIR of a relocated Python (uv, conda) names a folder of the machine it was
    built on.
    """
    name = f"libpython{VERSION}.so.1.0"
    for folder in _candidates():
        if (folder / name).exists():
            return folder
    raise SetupError(
        f"Triton's Python backend needs {name}, which this Python ({sys.executable}) lacks; "
        f"on Debian or Ubuntu install the package libpython{VERSION}."
    )


def linker_looks_in(folder: Path) -> bool:
    """The dynamic linker finds what is in a folder without being told of it."""
    architecture = str(sysconfig.get_config_var("MULTIARCH") or "")
    systems = [Path(root, part) for root in ("/lib", "/usr/lib") for part in ("", architecture)]
    return folder.resolve() in [system.resolve() for system in systems]


def _candidates() -> list[Path]:
    architecture = str(sysconfig.get_config_var("MULTIARCH") or "")
    libdir = str(sysconfig.get_config_var("LIBDIR") or "/usr/lib")
    return [
        Path(sys.base_prefix, "lib"),
        Path(libdir),
        Path(libdir, architecture),
        Path("/usr/lib", architecture),
    ]

"""What the doctor looks at outside Greenroom: Python, libraries, GPU, memory."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from greenroom.errors import SetupError
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.open_files import raise_limit
from greenroom.triton.environment import visible_gpu
from greenroom.triton.leftovers import SHARED_MEMORY

MEBIBYTE = 2**20
SHARED_MEMORY_NEEDED = 32 * MEBIBYTE
"""Free bytes for the regions of three models that have no request."""
SHARED_MEMORY_WANTED = 256 * MEBIBYTE
"""Free bytes that also hold the tensors of many requests."""


@dataclass(frozen=True)
class GpuInfo:
    """One GPU as its driver describes it."""

    name: str
    driver: str
    memory_mib: int


def user(number: int | None = None) -> CheckResult:
    """Not root: a model can do all that its user can."""
    number = os.geteuid() if number is None else number
    if number == 0:
        return CheckResult.warn(
            "user", "root, and so is every model", "Give Greenroom a user of its own."
        )
    return CheckResult.ok("user", str(number))


def python(version: tuple[int, int] = sys.version_info[:2]) -> CheckResult:
    """3.11 or 3.12: the server's Python backend has no numpy for later ones."""
    found = f"{version[0]}.{version[1]} at {sys.executable}"
    if (3, 11) <= version <= (3, 12):
        return CheckResult.ok("Python", found)
    return CheckResult.fail("Python", found, "Use Python 3.11 or 3.12.")


def numpy(version: Callable[[str], str] = metadata.version) -> CheckResult:
    """Below 2, as the Python backend of this server requires."""
    remedy = "pip install 'numpy<2'"
    try:
        found = version("numpy")
    except metadata.PackageNotFoundError:
        return CheckResult.fail("numpy", "not installed", remedy)
    if int(found.split(".")[0]) >= 2:
        return CheckResult.fail(
            "numpy", f"{found}; Triton's Python backend needs one below 2", remedy
        )
    return CheckResult.ok("numpy", found)


def gpus(command: str = "nvidia-smi") -> list[GpuInfo]:
    """Those the driver lists; none if there is no driver or it does not answer."""
    if not shutil.which(command):
        return []
    query = "--query-gpu=name,driver_version,memory.total"
    try:
        listed = subprocess.run(
            [command, query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [_gpu(line) for line in listed.splitlines() if line.count(",") == 2]


def gpu(index: int, found: Sequence[GpuInfo], visible: str | None) -> CheckResult:
    """The chosen GPU exists; without any engines that need none still run.

    `visible` is CUDA_VISIBLE_DEVICES, among which `index` counts; None: all of them.
    """
    nothing = "Models that run on the CPU need none."
    if not found:
        return CheckResult.warn("GPU", "none, or no driver", nothing)
    try:
        chosen = visible_gpu(index, visible)
    except SetupError as error:
        return CheckResult.fail("GPU", str(error), "Set GREENROOM_GPU to one of them.")
    if not chosen:
        return CheckResult.warn("GPU", "all hidden by an empty CUDA_VISIBLE_DEVICES", nothing)
    if not chosen.isdigit():
        return CheckResult.ok("GPU", f"{chosen}, driver {found[0].driver}")
    if int(chosen) >= len(found):
        there = f"{len(found)}, counted from 0"
        return CheckResult.fail(
            "GPU", f"number {chosen} is chosen, but there are {there}", "Set GREENROOM_GPU."
        )
    device = found[int(chosen)]
    memory = f"{device.memory_mib / 1024:.0f} GiB"
    return CheckResult.ok("GPU", f"{chosen}: {device.name}, {memory}, driver {device.driver}")


def locked_memory(gpu_present: bool, limit: int | None = None) -> CheckResult:
    """Weights wait in locked host memory, if there is a GPU they can go to."""
    if limit is None:
        limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        return CheckResult.ok("locked memory", "unlimited")
    found = f"at most {limit / MEBIBYTE:.0f} MiB (ulimit -l)"
    if not gpu_present:
        return CheckResult.ok("locked memory", f"{found}; matters only with a GPU")
    return CheckResult.warn(
        "locked memory",
        f"{found}; the weights of a model may not fit",
        "ulimit -l unlimited; in a container: --ulimit memlock=-1",
    )


def open_files() -> CheckResult:
    """Every connection and every model takes some."""
    try:
        return CheckResult.ok("open files", f"at most {raise_limit()}")
    except SetupError as error:
        return CheckResult.fail("open files", str(error), "ulimit -n 65536")


def shared_memory(folder: Path = SHARED_MEMORY, free: int | None = None) -> CheckResult:
    """Triton and its models hand requests over in /dev/shm; containers have 64 MiB at first."""
    remedy = "In a container: --shm-size=1g"
    if not folder.is_dir():
        return CheckResult.fail(str(folder), "missing", remedy)
    usage = shutil.disk_usage(folder)
    free = usage.free if free is None else free
    found = f"{free / MEBIBYTE:.0f} MiB free of {usage.total / MEBIBYTE:.0f} MiB"
    if free < SHARED_MEMORY_NEEDED:
        return CheckResult.fail(str(folder), f"{found}; too little for the models", remedy)
    if free < SHARED_MEMORY_WANTED:
        return CheckResult.warn(
            str(folder), f"{found}; too little for many requests at once", remedy
        )
    return CheckResult.ok(str(folder), found)


def _gpu(line: str) -> GpuInfo:
    name, driver, memory = (part.strip() for part in line.split(","))
    return GpuInfo(name, driver, int(memory) if memory.isdigit() else 0)

"""What the process of one file may take, and that it ends with its parent."""

import ctypes
import os
import resource
import signal
from pathlib import Path

from greenroom_speech.codec.limits import CPU_SECONDS, MEMORY_BYTES

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def limit(size: int, parent: int) -> None:
    """Bound this process, which has a file of `size` bytes, and end it with its parent."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + MEMORY_BYTES + size
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    allow_processor_time()


def allow_processor_time() -> None:
    """Of the next window or piece."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))

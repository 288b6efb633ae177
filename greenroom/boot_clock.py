"""The clock of a machine that nobody sets: seconds since its boot, alike for all its processes."""

import time
from functools import cache
from pathlib import Path


def now() -> float:
    """Seconds; in another container of the machine too."""
    return time.monotonic()


@cache
def boot() -> str:
    """Names the clock: another machine, or the same after a boot, has another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

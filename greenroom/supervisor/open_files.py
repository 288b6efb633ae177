"""How many files the service's processes may have open: sockets and pipes are among them."""

import resource
import sys

from greenroom.errors import SetupError

NEEDED = 1024
"""What the processes take with a few dozen models and clients."""
WANTED = 65536


def raise_limit() -> int:
    """As far as this user may, for this process and those that it starts; returns the new one.

    Raises SetupError below NEEDED.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = min(_number(hard), max(_number(soft), WANTED))
    if limit > _number(soft):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    if limit < NEEDED:
        raise SetupError(
            f"The limit of open files is {limit}; Greenroom needs {NEEDED}. Raise it with ulimit "
            "-n, or LimitNOFILE= in a unit of systemd."
        )
    return limit


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit

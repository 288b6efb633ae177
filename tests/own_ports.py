"""Ports for the services of a test: no other worker's tests and no outgoing connection has them.

Each of pytest-xdist's workers has a range of its own, below the range from which the system
gives ports to whoever asks for any.
"""

import os
import socket
from itertools import cycle

from greenroom.settings import Settings

FIRST, EACH, WORKERS = 12_000, 1_250, 16
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS
_BEGIN = FIRST + EACH * _WORKER
_PORTS = cycle(range(_BEGIN, _BEGIN + EACH))


def own_ports() -> dict[str, int]:
    """Return a free port for each port that a service has, by the setting's name."""
    names = [name for name in Settings.model_fields if name.endswith("_port")]
    return dict(zip(names, (own_port() for _ in names), strict=True))


def own_port() -> int:
    """Return a free port."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

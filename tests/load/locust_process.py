"""Locust in a process of its own: it patches the standard library for gevent."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenroom.supervisor import Service
from greenroom.supervisor.child import Child

LOCUSTFILE = Path(__file__).parent / "locustfile.py"
GRACE = 10.0
"""Seconds in which an interrupted run may put policies back and report."""


@dataclass(frozen=True)
class GatewayAddress:
    """The two doors of a gateway; an empty ``grpc`` is port 8001 of the URL's host."""

    url: str
    grpc: str

    @classmethod
    def of(cls, service: Service) -> "GatewayAddress":
        """Return those of a service of ours."""
        return cls(service.url, service.settings.listening_on(service.settings.grpc_port))


async def locust(
    address: GatewayAddress,
    options: Sequence[str],
    *,
    web: bool = False,
    environment: Mapping[str, str],
) -> int:
    """Run Locust to its end and pass on what it says; return its exit status.

    When this is cancelled, the run is ended and reported first.
    """
    command = [sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE)]
    command += ["--host", address.url, *(["--grpc", address.grpc] if address.grpc else [])]
    command += ["--loglevel", "WARNING"]
    command += ["--web-host", "127.0.0.1"] if web else ["--headless"]
    child = Child(
        "locust",
        [*command, *options],
        {**environment, "PYTHONUNBUFFERED": "1"},
        log=lambda name, line: print(line, flush=True),
    )
    await child.start()
    if web:
        print("Locust's page: http://127.0.0.1:8089; Ctrl-C ends it.", flush=True)
    try:
        status = await child.wait()
        await child.last_words()
        return status
    finally:
        await child.stop(GRACE)

"""``greenroom fleet down``: drain what runs, then end every process of the fleet."""

import select
import subprocess
import sys
from contextlib import suppress

from greenroom.errors import SetupError
from greenroom.fleet.cluster import address, end_all, processes
from greenroom.settings import Settings

_REACHED_WITHIN = 30.0
_BEYOND_DRAIN = 30.0
"""Seconds beyond drain_timeout after which whatever still runs is ended."""


def run(settings: Settings) -> None:
    """Raises SetupError if none runs here."""
    if not processes(settings):
        end_all(settings)  # of one that was killed there are files
        raise SetupError(f"No fleet with HTTP port {settings.http_port} runs on this machine.")
    try:
        if (head := address(settings)) is not None:
            _drain(head, settings)
    finally:
        ended = end_all(settings)
    print(f"The fleet has ended: {ended} processes.")


def _drain(head: str, settings: Settings) -> None:
    """Serve ends its replicas when their requests have; a broken cluster is not waited for."""
    with subprocess.Popen(
        [sys.executable, "-m", "greenroom.fleet.drain", head],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as draining:
        assert draining.stdout is not None
        try:
            if select.select([draining.stdout.fileno()], [], [], _REACHED_WITHIN)[0]:
                with suppress(subprocess.TimeoutExpired):
                    draining.wait(settings.drain_timeout + _BEYOND_DRAIN)
        finally:
            draining.kill()
    if draining.returncode:
        print("Ray does not answer, so running requests are cut off.")

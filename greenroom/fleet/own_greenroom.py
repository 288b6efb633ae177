"""The Greenroom of a replica: starts with it, ends with it, and outlives it in no case."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from greenroom.errors import SetupError
from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.supervisor import Service, parent_death
from greenroom.supervisor.plain_errors import failing_plainly
from greenroom.supervisor.ports import free_settings
from greenroom.supervisor.service import http_url
from greenroom.supervisor.up import serve

_LOOK_EVERY = 0.1
_AFTER_DRAIN = 15.0
"""Seconds beyond drain_timeout that it has to end: for Triton and for last answers."""


class OwnGreenroom:
    """A service on free ports of this machine alone, on the GPU that Ray leaves visible.

    If this process dies it is killed, by the signal that Linux sends at a parent's death.
    """

    def __init__(self, gone: Callable[[], None]) -> None:
        """`gone` is called, by another thread, as soon as it ends without having been told to."""
        # Sockets lie in it, whose paths may have 107 characters; Ray's own folders are too deep.
        self._folder = Path(tempfile.mkdtemp(prefix="greenroom-"))
        given: dict[str, Any] = {"host": "127.0.0.1", "runtime_dir": self._folder, "gpu": 0}
        # Where the user's own listens has no meaning here.
        given |= {"triton_listen": "unix", "triton_host": None, "shared_dir": None}
        self.settings = free_settings(**given)
        self.url = http_url(self.settings)
        self.grpc_target = self.settings.listening_on(self.settings.grpc_port)
        self._gone = gone
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Return when it is ready. Raises SetupError if it ends before."""
        # Linux counts the end of the thread that has started a process as the parent's death.
        threading.Thread(target=self._run, name="greenroom", daemon=True).start()
        while not await self._ready(session):
            if self._process is not None and self._process.poll() is not None:
                raise SetupError(
                    "The replica's Greenroom has ended before it was ready; see its log."
                )
            await asyncio.sleep(_LOOK_EVERY)

    async def stop(self) -> None:
        """Drain it, then end it."""
        self._stopping = True
        if (process := self._process) is not None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                grace = self.settings.drain_timeout + _AFTER_DRAIN
                await asyncio.to_thread(process.wait, grace)
        self._end()

    def _run(self) -> None:
        tied = (sys.executable, "-IS", str(Path(parent_death.__file__)))
        orphaned = (str(os.getpid()), str(int(signal.SIGKILL)))
        self._process = process = subprocess.Popen(
            [*tied, *orphaned, sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            env=child_environment(self.settings, os.environ),
            process_group=0,
        )
        process.wait()
        if not self._stopping:
            self._end()
            self._gone()

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def _end(self) -> None:
        if self.running and self._process is not None:
            self._process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Triton and the gateway; pages and the like of plug-ins are no part of a fleet."""
    with failing_plainly():
        asyncio.run(serve(Service(Settings(), plugins=())))


if __name__ == "__main__":
    main()

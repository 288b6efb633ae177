"""A Python program of the service beside Triton, such as the controller."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from greenroom.settings import Settings
from greenroom.settings.exported import child_environment
from greenroom.supervisor.child import Child, Log, log_to_stderr
from greenroom.supervisor.hang_detector import hanging
from greenroom.supervisor.readiness import ready


class Program:
    """Started, ended and started again like TritonServer.

    `arguments` are the interpreter's, such as ("-m", "greenroom.gateway"); the program is
    ready when `ready_url` answers 200. It reads the settings from its environment.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        ready_url: str,
        settings: Settings,
        *,
        log: Log = log_to_stderr,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._command_line = [sys.executable, *arguments]
        self._ready_url = ready_url
        self._hang_timeout = settings.hang_timeout
        self._log = log
        inherited = os.environ if environment is None else environment
        self._environment = child_environment(settings, inherited)
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The process id of the running program, or of the last one; None before the first."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        """Its process lives; it need not be ready."""
        return self._child is not None and self._child.running

    async def start(self) -> None:
        """Start it and wait until it is ready; SetupError if it ends before.

        While it answers with another status than 200, the reasons it gives are logged.
        """
        self._child = Child(self.name, self._command_line, self._environment, log=self._log)
        try:
            await self._child.start()
            await ready(self._child, self._ready_url, not_yet=self._not_yet)
        except BaseException:
            await self.kill()
            raise

    async def failed(self) -> str:
        """Wait until its process has ended, or hangs; returns why it must be started again."""
        assert self._child, "started"
        ended = asyncio.create_task(self._child.wait())
        hangs = asyncio.create_task(hanging(self._ready_url, self._hang_timeout))
        try:
            await asyncio.wait({ended, hangs}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return f"ended with exit status {ended.result()}"
            return f"has not answered for {self._hang_timeout:g} s"
        finally:
            ended.cancel()
            hangs.cancel()

    async def stop(self, grace: float) -> None:
        """End it: SIGTERM, SIGKILL after `grace` seconds."""
        if self._child:
            await self._child.stop(grace)

    async def kill(self) -> None:
        await self.stop(0.0)

    def _not_yet(self, reason: str) -> None:
        self._log(self.name, f"not ready yet: {reason.strip()}")

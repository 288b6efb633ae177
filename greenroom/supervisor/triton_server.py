"""One tritonserver: prepared, started, waited for and ended with everything it started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import Self

from greenroom.errors import GreenroomError, SetupError
from greenroom.settings import Settings
from greenroom.supervisor.child import Child, Log, log_to_stderr
from greenroom.supervisor.hang_detector import hanging
from greenroom.supervisor.ports import check_ports, triton_listeners
from greenroom.supervisor.readiness import ready
from greenroom.triton import leftovers
from greenroom.triton.client import Triton
from greenroom.triton.endpoints import endpoints, metrics_url
from greenroom.triton.key import triton_key
from greenroom.triton.launch import LIVE, READY, prepare_launch
from greenroom.triton.region_prefix import region_prefix
from greenroom.triton.restart_request import asked_for_restart
from greenroom.triton.server_death import tell_death

LONGEST_START = 120.0
"""Seconds in which Triton, still without models, has to be ready."""
_EMPTY = 1.0
"""Seconds in which Triton ends once it has no models; it waits for whoever is connected."""


def stop_timeout(settings: Settings) -> float:
    """Seconds after which a server that is to stop is killed."""
    return settings.triton_exit_timeout + _EMPTY


class TritonServer:
    """Triton in explicit mode on this service's ports, with its model processes.

    Can be started again after it has ended. As an async context manager it is ready inside
    the block and killed after it.
    """

    name = "triton"

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log = log_to_stderr,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.endpoints = endpoints(settings)
        self._log = log
        self._inherited = os.environ if environment is None else environment
        self._child: Child | None = None

    # Drawn when they are asked for: only the one supervisor of a folder may do so.
    @cached_property
    def prefix(self) -> str:
        """The beginning of its shared memory regions' names."""
        return region_prefix(self.settings)

    @cached_property
    def key(self) -> str:
        """What it asks for on an address."""
        return triton_key(self.settings)

    @property
    def grpc_address(self) -> str:
        """Triton's gRPC endpoint, as gRPC's clients name it."""
        return self.endpoints.grpc_target

    @property
    def metrics_url(self) -> str:
        """Where Prometheus finds Triton's metrics."""
        return metrics_url(self.settings)

    @property
    def pid(self) -> int | None:
        """The process id of the running server, or of the last one; None before the first."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        """The server's process lives; it need not be ready."""
        return self._child is not None and self._child.running

    async def start(self) -> None:
        """Start the server and wait until it is ready.

        Raises SetupError if something it needs is missing, or with its last lines if it ends
        before it is ready.
        """
        self._child = await asyncio.to_thread(self._prepare)
        try:
            await self._child.start()
            url, socket = f"{self.endpoints.http_url}{READY}", self.endpoints.http_socket
            await ready(self._child, url, socket=socket, within=LONGEST_START)
            self.endpoints.keep_others_out()
        except BaseException:
            await self.kill()
            raise

    async def wait(self) -> int:
        """Returns the exit status once the server's process has ended."""
        assert self._child, "started"
        return await self._child.wait()

    async def failed(self) -> str:
        """Wait until it has ended, hangs, or the controller asks for another; returns why."""
        longest = self.settings.hang_timeout
        ended = asyncio.create_task(self.wait())
        asked = asyncio.create_task(asked_for_restart(self.settings))
        url, socket = f"{self.endpoints.http_url}{LIVE}", self.endpoints.http_socket
        hangs = asyncio.create_task(hanging(url, longest, socket))
        try:
            await asyncio.wait({ended, asked, hangs}, return_when=asyncio.FIRST_COMPLETED)
            by_itself = ended.done() and not asked.done() and not hangs.done()
            tell_death(self.settings, max(0, -ended.result()) if by_itself else 0)
            if ended.done():
                return f"ended with exit status {ended.result()}"
            if asked.done():
                return f"is being restarted: {asked.result().rstrip('.')}"
            return f"has not answered for {longest:g} s"
        finally:
            for task in (ended, asked, hangs):
                task.cancel()

    async def stop(self) -> None:
        """End the server and its model processes: unload all, SIGTERM, then SIGKILL."""
        if self.running:
            with contextlib.suppress(GreenroomError, TimeoutError):
                async with asyncio.timeout(self.settings.triton_exit_timeout):
                    await self._unload_all()
        await self._end(_EMPTY)

    async def kill(self) -> None:
        """End the server and its model processes at once, with SIGKILL."""
        await self._end(0.0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.kill()

    def _prepare(self) -> Child:
        launch = prepare_launch(self.settings, self._inherited)
        # Another server on the port would be taken for this one.
        check_ports(triton_listeners(self.settings))
        return Child(
            self.name,
            launch.command_line,
            launch.environment,
            log=self._log,
            # Orphaned, it can still end its models and remove its regions.
            on_orphaned=signal.SIGTERM,
            umask=launch.umask,
        )

    async def _unload_all(self) -> None:
        triton = Triton(self.grpc_address, self.key)
        try:
            await triton.ready()
            await triton.unload_all()
        finally:
            await triton.close()

    async def _end(self, grace: float) -> None:
        if self._child:
            await self._child.stop(grace)
            await asyncio.to_thread(leftovers.clear_leftovers, self.prefix)
            with contextlib.suppress(SetupError):  # the next start says so
                self.endpoints.remove_sockets()

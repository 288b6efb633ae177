"""A service in the hands of one supervisor: all of its parts, or one of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from greenroom.config import Settings
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import api_keys
from greenroom.launcher.child import Log, log_to_stderr
from greenroom.launcher.keep_alive import Member, keep_alive
from greenroom.launcher.leftovers import clear_leftovers
from greenroom.launcher.ports import check_ports, listeners
from greenroom.launcher.program import Program
from greenroom.launcher.runtime_folder import only_supervisor
from greenroom.launcher.seen_from_here import url
from greenroom.launcher.triton_server import TritonServer, stop_timeout
from greenroom.part import Part
from greenroom.ui.password import page_password

_PROGRAM_GRACE = 3.0
"""Seconds that a program has to end, where drain_timeout does not need more."""
_AFTER_DRAIN = 1.0
"""Seconds that the controller has beyond drain_timeout."""

Programs = Callable[[Settings, Log, Mapping[str, str] | None], Sequence[Program]]


def default_programs(
    settings: Settings, log: Log, environment: Mapping[str, str] | None
) -> Sequence[Program]:
    """Return the programs before Triton, in the order of their start: the controller."""
    ready = f"{http_url(settings)}/readyz"
    arguments = ("-m", "greenroom.controller")
    return [Program("controller", arguments, ready, settings, log=log, environment=environment)]


def page(settings: Settings, log: Log, environment: Mapping[str, str] | None) -> Program:
    """Return the program of the web page."""
    ready = f"{ui_url(settings)}/healthz"
    arguments = ("-m", "greenroom.ui")
    return Program("ui", arguments, ready, settings, log=log, environment=environment)


def http_url(settings: Settings) -> str:
    """Return the gateway's address as seen from this machine."""
    return url(settings.host, settings.http_port)


def ui_url(settings: Settings) -> str:
    """Return the web page's address as seen from this machine."""
    return url(settings.ui_host, settings.ui_port)


def longest_stop(settings: Settings) -> float:
    """Return the seconds in which all parts have ended, killed or not; 9 by default."""
    return _grace(settings) + stop_timeout(settings)


def _grace(settings: Settings) -> float:
    return max(_PROGRAM_GRACE, settings.drain_timeout + _AFTER_DRAIN)


class Service:
    """Starts all processes of a service, starts again what dies, and ends them all.

    With `only` it has just that part, and the others run elsewhere. As an async context manager
    it is ready inside the block and stopped after it. Triton and the programs each come back
    alone; the others run on meanwhile. Nothing waits for a companion, the page beside the rest.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log = log_to_stderr,
        environment: Mapping[str, str] | None = None,
        programs: Programs = default_programs,
        only: Part | None = None,
    ) -> None:
        self.settings = settings
        self.parts = [only] if only else [part for part in Part if part != Part.UI or settings.ui]
        self.triton: TritonServer | None = None
        self.programs: list[Program] = []
        self.companions: list[Program] = []
        if Part.TRITON in self.parts:
            self.triton = TritonServer(settings, log=log, environment=environment)
        if Part.CONTROLLER in self.parts:
            self.programs = list(programs(settings, log, environment))
        if Part.UI in self.parts:
            (self.programs if only else self.companions).append(page(settings, log, environment))
        self._log = log
        self._held = ExitStack()
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """The gateway's HTTP address."""
        return http_url(self.settings)

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises SetupError, with everything ended again, if the runtime folder is in use, a port
        is taken, API keys or the page's password are missing, or a process ends before it is ready.
        """
        if Part.CONTROLLER in self.parts:
            api_keys(self.settings)
        if Part.UI in self.parts:
            page_password(self.settings)
        self._held.enter_context(only_supervisor(self.settings, self.parts))
        try:
            if self.triton:
                # An orphan of a killed supervisor may still hold the ports.
                await asyncio.to_thread(clear_leftovers, self.triton.prefix)
            await asyncio.to_thread(check_ports, listeners(self.settings, self.parts))
            for companion in self.companions:
                self._keepers.append(asyncio.create_task(self._accompanied_by(companion)))
            members: list[Member] = [*([self.triton] if self.triton else []), *self.programs]
            for member in members:
                await member.start()
                self._keepers.append(asyncio.create_task(keep_alive(member, self._log)))
        except BaseException:
            await self.kill()
            raise

    async def run(self) -> None:
        """Keep everything alive until cancelled."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """End everything within `longest_stop` seconds: SIGTERM, then SIGKILL."""
        await self._end(_grace(self.settings))

    async def kill(self) -> None:
        """End everything at once."""
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
        await self.stop()

    async def _accompanied_by(self, companion: Program) -> None:
        try:
            await companion.start()
        except SetupError as error:
            self._log(companion.name, str(error))
        await keep_alive(companion, self._log)

    async def _end(self, grace: float) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        # The programs first: they lead the requests to Triton.
        programs = (*self.programs, *self.companions)
        await asyncio.gather(*(program.stop(grace) for program in programs))
        if self.triton:
            await (self.triton.stop() if grace else self.triton.kill())
        self._held.close()

"""The whole service in the hands of one supervisor: Triton, and the controller before it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from greenroom.config import Settings
from greenroom.gateway.api_keys import api_keys
from greenroom.launcher.child import Log, log_to_stderr
from greenroom.launcher.keep_alive import Member, keep_alive
from greenroom.launcher.leftovers import clear_leftovers
from greenroom.launcher.ports import check_ports, gateway_listeners, triton_listeners
from greenroom.launcher.program import Program
from greenroom.launcher.runtime_folder import only_supervisor
from greenroom.launcher.triton_server import TritonServer

LONGEST_STOP = 9.0
"""Seconds in which everything has to end, killed or not."""
_PROGRAM_GRACE = 3.0

Programs = Callable[[Settings, Log, Mapping[str, str] | None], Sequence[Program]]


def default_programs(
    settings: Settings, log: Log, environment: Mapping[str, str] | None
) -> Sequence[Program]:
    """Return the programs that run beside Triton, in the order of their start."""
    return [
        Program(
            "controller",
            ("-m", "greenroom.controller"),
            f"{http_url(settings)}/readyz",
            settings,
            log=log,
            environment=environment,
        )
    ]


def http_url(settings: Settings) -> str:
    """Return the gateway's address as seen from this machine."""
    if settings.host in ("0.0.0.0", "::"):
        return f"http://127.0.0.1:{settings.http_port}"
    return f"http://{settings.listening_on(settings.http_port)}"


class Service:
    """Starts all processes of a service, starts again what dies, and ends them all.

    As an async context manager it is ready inside the block and stopped after it. Triton and
    the programs each come back alone; the others run on meanwhile.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log = log_to_stderr,
        environment: Mapping[str, str] | None = None,
        programs: Programs = default_programs,
    ) -> None:
        self.settings = settings
        self.triton = TritonServer(settings, log=log, environment=environment)
        self.programs = list(programs(settings, log, environment))
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
        is taken, API keys are missing, or a process ends before it is ready.
        """
        api_keys(self.settings)
        self._held.enter_context(only_supervisor(self.settings))
        try:
            # An orphan of a killed supervisor may still hold the ports.
            await asyncio.to_thread(clear_leftovers, self.triton.prefix)
            addresses = gateway_listeners(self.settings) + triton_listeners(self.settings)
            await asyncio.to_thread(check_ports, addresses)
            members: list[Member] = [self.triton, *self.programs]
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
        """End everything within LONGEST_STOP seconds: SIGTERM, then SIGKILL."""
        grace = min(_PROGRAM_GRACE, LONGEST_STOP - self.triton.stop_timeout)
        await self._end(grace, self.triton.stop)

    async def kill(self) -> None:
        """End everything at once."""
        await self._end(0.0, self.triton.kill)

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

    async def _end(self, grace: float, end_triton: Callable[[], Awaitable[None]]) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        # The programs first: they lead the requests to Triton.
        await asyncio.gather(*(program.stop(grace) for program in self.programs))
        await end_triton()
        self._held.close()

"""A service in the hands of one supervisor: all of its components, or one of them."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from greenroom.addresses import url
from greenroom.errors import SetupError
from greenroom.gateway.api_keys import api_keys
from greenroom.settings import Settings
from greenroom.supervisor.child import Log, log_to_stderr
from greenroom.supervisor.component import (
    CONTROLLER,
    TRITON,
    PluginProcess,
    plugin_processes,
)
from greenroom.supervisor.keep_alive import Member, keep_alive
from greenroom.supervisor.only_supervisor import only_supervisor
from greenroom.supervisor.open_files import raise_limit
from greenroom.supervisor.ports import Listener, check_ports, gateway_listeners, triton_listeners
from greenroom.supervisor.program import Program
from greenroom.supervisor.triton_server import TritonServer
from greenroom.triton.leftovers import clear_leftovers

_AFTER_DRAIN = 3.0
"""Seconds that a program has to end beyond drain_timeout: for last answers, and to close."""

Programs = Callable[[Settings, Log, Mapping[str, str] | None], Sequence[Program]]


def default_programs(
    settings: Settings, log: Log, environment: Mapping[str, str] | None
) -> Sequence[Program]:
    """Those before Triton, in the order of their start: the controller."""
    ready = f"{http_url(settings)}/readyz"
    arguments = ("-m", "greenroom.gateway")
    return [Program("controller", arguments, ready, settings, log=log, environment=environment)]


def _program(
    process: PluginProcess, settings: Settings, log: Log, environment: Mapping[str, str] | None
) -> Program:
    inherited = os.environ if environment is None else environment
    return Program(
        process.name,
        process.arguments,
        process.ready_url,
        settings,
        log=log,
        environment={**inherited, **process.environment},
    )


def http_url(settings: Settings) -> str:
    """The gateway's address as seen from this machine."""
    return url(settings.host, settings.http_port)


def programs_grace(settings: Settings) -> float:
    """Seconds that the programs have to end by themselves; Triton then has its own."""
    return settings.drain_timeout + _AFTER_DRAIN


class Service:
    """Starts all processes of a service, starts again what dies, and ends them all.

    With `only` it has just that component, and the others run elsewhere. As an async context
    manager it is ready inside the block and stopped after it. Triton and the programs each come
    back alone; the others run on meanwhile. Nothing waits for a companion, a plug-in's process
    beside the rest. `plugins` are those processes; None: those of all installed plug-ins.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log = log_to_stderr,
        environment: Mapping[str, str] | None = None,
        programs: Programs = default_programs,
        plugins: Sequence[PluginProcess] | None = None,
        only: str | None = None,
    ) -> None:
        self.settings = settings
        found = plugin_processes(settings) if plugins is None else plugins
        known = [TRITON, CONTROLLER, *(process.name for process in found)]
        if only is not None and only not in known:
            raise SetupError(f"There is no component {only}; choose one of {', '.join(known)}.")
        switched_off = [process.name for process in found if not process.enabled]
        self.components = [only] if only else [name for name in known if name not in switched_off]
        self.plugins = [process for process in found if process.name in self.components]
        self.triton: TritonServer | None = None
        self.programs: list[Program] = []
        self.companions: list[Program] = []
        if TRITON in self.components:
            self.triton = TritonServer(settings, log=log, environment=environment)
        if CONTROLLER in self.components:
            self.programs = list(programs(settings, log, environment))
        beside = self.programs if only else self.companions
        beside += [_program(process, settings, log, environment) for process in self.plugins]
        self._log = log
        self._held = ExitStack()
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return http_url(self.settings)

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises SetupError, with everything ended again, if the runtime folder is in use, a port
        is taken, API keys, a plug-in's settings or open files are lacking, or a process ends too
        early.
        """
        raise_limit()
        if CONTROLLER in self.components:
            api_keys(self.settings)
        for process in self.plugins:
            process.check()
        self._held.enter_context(only_supervisor(self.settings, self.components))
        try:
            if self.triton:
                # An orphan of a killed supervisor may still hold the ports.
                await asyncio.to_thread(clear_leftovers, self.triton.prefix)
            await asyncio.to_thread(check_ports, self._listeners())
            for companion in self.companions:
                self._keepers.append(asyncio.create_task(self._accompanied_by(companion)))
            members: list[Member] = [*([self.triton] if self.triton else []), *self.programs]
            async with asyncio.TaskGroup() as starting:
                for member in members:
                    starting.create_task(self._start(member))
        except BaseExceptionGroup as failed:
            await self.kill()
            raise failed.exceptions[0] from None
        except BaseException:
            await self.kill()
            raise

    async def run(self) -> None:
        """Keep everything alive until cancelled."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """End everything: SIGTERM, then SIGKILL, to the programs and then to Triton."""
        await self._end(programs_grace(self.settings))

    async def kill(self) -> None:
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

    def _listeners(self) -> list[Listener]:
        return [
            *(triton_listeners(self.settings) if self.triton else ()),
            *(gateway_listeners(self.settings) if CONTROLLER in self.components else ()),
            *(listener for process in self.plugins for listener in process.listeners),
        ]

    async def _start(self, member: Member) -> None:
        await member.start()
        self._keepers.append(asyncio.create_task(keep_alive(member, self._log)))

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

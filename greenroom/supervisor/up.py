"""``greenroom up``: the service, or a component of it, in the foreground."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any

from greenroom.settings import Settings
from greenroom.settings.unread import unread_settings
from greenroom.supervisor import Service
from greenroom.supervisor.child import log_to_stderr
from greenroom.supervisor.component import CONTROLLER
from greenroom.supervisor.plain_errors import failing_plainly


def run(only: str | None, repositories: Sequence[str] | None) -> None:
    """Serve with the settings of the environment until a signal comes."""
    with failing_plainly():
        service = Service(Settings.with_repositories(repositories), only=only)
        for sentence in unread_settings(os.environ):
            log_to_stderr("greenroom", sentence)
        asyncio.run(serve(service))


async def serve(service: Service) -> None:
    """Start the service, say where it is, and end it on SIGINT, SIGTERM or SIGHUP.

    A second signal kills what has not ended yet. Raises SetupError as Service.start does.
    """
    asked, insisted = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (insisted if asked.is_set() else asked).set()

    for number in _signals():
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await _unless(asked, _start_and_run(service))
    finally:
        if not await _unless(insisted, service.stop()):
            await service.kill()


def _signals() -> list[signal.Signals]:
    """What ends the service; SIGHUP too, unless nohup has it ignored."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


async def _start_and_run(service: Service) -> None:
    await service.start()
    # Nobody need be listening.
    with contextlib.suppress(OSError):
        print(f"Greenroom is ready: {', '.join(_addresses(service))}.", flush=True)
    await service.run()


def _addresses(service: Service) -> Iterator[str]:
    settings = service.settings
    yield from (process.shown for process in service.plugins)
    if CONTROLLER in service.components:
        yield f"HTTP {service.url}"
        yield f"gRPC {settings.listening_on(settings.grpc_port)}"
    if service.triton:
        yield f"Triton's metrics {service.triton.metrics_url}"


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work unless the event comes first: then cancel it. Returns whether it was done."""
    working, waiting = asyncio.create_task(work), asyncio.create_task(event.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    done = working.done()
    working.cancel()
    waiting.cancel()
    await asyncio.wait({working, waiting})
    if not working.cancelled():
        working.result()
    return done

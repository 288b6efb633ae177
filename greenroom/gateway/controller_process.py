"""The controller process: residency, leases and the gateway in front of one Triton."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop
from filelock import FileLock, Timeout

from greenroom.controller.caches import Caches
from greenroom.controller.controller import Controller
from greenroom.controller.gpu_memory import GpuMemory
from greenroom.controller.transitions import Transitions
from greenroom.errors import GreenroomError, SetupError
from greenroom.gateway.server import gateway
from greenroom.log_lines import log_to_stderr
from greenroom.runtime_folder import shared_folder
from greenroom.settings import Settings
from greenroom.tracing import traces
from greenroom.triton.backend_processes import BackendProcesses
from greenroom.triton.client import Triton
from greenroom.triton.endpoints import endpoints
from greenroom.triton.key import triton_key
from greenroom.triton.region_prefix import region_prefix
from greenroom.triton.repository import Repository

logger = logging.getLogger("greenroom.controller")


async def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    found = endpoints(settings)
    found.check_sockets()
    triton = Triton(found.grpc_target, triton_key(settings))
    processes = BackendProcesses(region_prefix(settings))
    transitions = Transitions(settings, triton, processes)
    repository = Repository(*settings.repositories)
    controller = Controller(
        settings,
        triton,
        repository,
        transitions,
        processes,
        gpu=GpuMemory(settings),
        caches=Caches(settings),
        traces=traces(os.environ),
    )
    following = asyncio.create_task(controller.triton_monitor.run())
    try:
        async with gateway(settings, controller, triton):
            # All is imported, the apps too.
            gc.freeze()
            gc.enable()
            logger.info(
                "Gateway on http://%s and grpc://%s",
                settings.listening_on(settings.http_port),
                settings.listening_on(settings.grpc_port),
            )
            await stop.wait()
    finally:
        following.cancel()
        await controller.close()
        await triton.close()
        await asyncio.to_thread(controller.traces.end)


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Hold the lock of this Triton's controller: two would undo each other's decisions."""
    lock = FileLock(shared_folder(settings) / "controller.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise SetupError(f"Another controller holds {lock.lock_file}.") from None
    except OSError as error:
        reason = f"cannot be used ({error.strerror}); it belongs to a controller of another user"
        raise SetupError(f"{lock.lock_file} {reason}.") from error
    try:
        yield
    finally:
        lock.release()


def main() -> int:
    settings = Settings()
    log_to_stderr(settings.log_level)
    if os.geteuid() == 0:
        logger.warning("Greenroom runs as root, and so does every model; give it a user of its own")
    try:
        with _only_one(settings):
            uvloop.run(serve(settings))
    except GreenroomError as error:
        logger.error("%s", error)
        return 1
    return 0

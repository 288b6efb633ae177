"""Looks at everything that Greenroom depends on where this runs.

Each check takes what it looks at as arguments, so that its failing case can be shown.
"""

import asyncio
import dataclasses
import os
import sysconfig
from collections.abc import AsyncIterator, Collection, Iterator, Sequence

from greenroom.settings import Settings
from greenroom.settings.unread import unread_settings
from greenroom.supervisor import machine_checks as machine
from greenroom.supervisor import server_checks as server
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.component import (
    CONTROLLER,
    TRITON,
    PluginProcess,
    plugin_processes,
)
from greenroom.supervisor.only_supervisor import running_components
from greenroom.supervisor.plugin_checks import plugin_checks
from greenroom.supervisor.ports import Listener, gateway_listeners, triton_listeners
from greenroom.supervisor.trial_run import trial_run
from greenroom.triton.endpoints import endpoints
from greenroom.triton.launch import READY

_INSTALLS = ("pip install", "apt install")


async def examine(settings: Settings) -> list[CheckResult]:
    """Run the checks of the components that a supervisor runs here, of all if none does.

    What runs elsewhere is asked over the network. The last check, where Triton runs, starts one
    and loads a model on it.
    """
    processes = plugin_processes(settings)
    all_names = [TRITON, CONTROLLER, *(process.name for process in processes if process.enabled)]
    here = await asyncio.to_thread(running_components, settings) or all_names
    results = await asyncio.to_thread(
        lambda: list(_machine(settings, here, [one for one in processes if one.name in here]))
    )
    results += [one async for one in _elsewhere(settings, here, processes)]
    if TRITON in here:
        results.append(await trial_run(settings))
    return [_for_this_environment(one) for one in results]


def _machine(
    settings: Settings, here: Collection[str], processes: Sequence[PluginProcess]
) -> Iterator[CheckResult]:
    yield machine.user()
    yield machine.python()
    yield server.runtime(settings)
    for sentence in unread_settings(os.environ):
        yield CheckResult.warn("settings", sentence)
    if TRITON in here:
        yield machine.numpy()
        yield server.libpython()
        yield server.tritonserver(settings)
        yield server.stub(settings)
        yield server.doors(settings)
    if CONTROLLER in here:
        yield server.keys(settings)
        yield machine.open_files()
    yield server.ports(settings, list(_listeners(settings, here, processes)))
    if TRITON in here or CONTROLLER in here:
        yield from server.repositories(settings)
    if TRITON in here:
        for plugin in plugin_checks():
            yield from plugin.machine(settings)
        gpus = machine.gpus()
        yield machine.gpu(settings.gpu, gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
        yield machine.locked_memory(bool(gpus))
        yield machine.shared_memory()


def _listeners(
    settings: Settings, here: Collection[str], processes: Sequence[PluginProcess]
) -> Iterator[Listener]:
    if CONTROLLER in here:
        yield from gateway_listeners(settings)
    if TRITON in here:
        yield from triton_listeners(settings)
    for process in processes:
        yield from process.listeners


async def _elsewhere(
    settings: Settings, here: Collection[str], processes: Sequence[PluginProcess]
) -> AsyncIterator[CheckResult]:
    if CONTROLLER in here and TRITON not in here:
        triton = endpoints(settings)
        yield await server.answers("Triton", f"{triton.http_url}{READY}", triton.http_socket)
    for process in processes:
        if process.name in here and CONTROLLER not in here and process.asks:
            yield await server.answers(f"what {process.name} asks", process.asks)


def _for_this_environment(result: CheckResult) -> CheckResult:
    """Nothing can be installed in the read-only image of a container."""
    if os.access(sysconfig.get_path("purelib"), os.W_OK) or not any(
        word in result.remedy for word in _INSTALLS
    ):
        return result
    return dataclasses.replace(
        result, remedy="Nothing can be installed in this environment; add it to the image."
    )

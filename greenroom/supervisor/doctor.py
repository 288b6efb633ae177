"""Looks at everything on this machine that Greenroom depends on.

Each check takes what it looks at as arguments, so that its failing case can be shown.
"""

import asyncio
import os

from greenroom.settings import Settings
from greenroom.supervisor import machine_checks as machine
from greenroom.supervisor import server_checks as server
from greenroom.supervisor.check_result import CheckResult
from greenroom.supervisor.plugin_checks import plugin_checks
from greenroom.supervisor.trial_run import trial_run


async def examine(settings: Settings) -> list[CheckResult]:
    """Run all checks; the last one starts a Triton and loads a model on it."""
    results = await asyncio.to_thread(_examine, settings)
    return [*results, await trial_run(settings)]


def _examine(settings: Settings) -> list[CheckResult]:
    gpus = machine.gpus()
    return [
        machine.user(),
        machine.python(),
        machine.numpy(),
        server.libpython(),
        server.tritonserver(settings),
        server.stub(settings),
        server.runtime(settings),
        server.keys(settings),
        server.ports(settings),
        *server.repositories(settings),
        *(found for plugin in plugin_checks() for found in plugin.machine(settings)),
        machine.gpu(settings.gpu, gpus, os.environ.get("CUDA_VISIBLE_DEVICES")),
        machine.locked_memory(bool(gpus)),
        machine.shared_memory(),
    ]

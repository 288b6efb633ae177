"""The controller sees no process of Triton, as in a container without a shared pid namespace."""

import shutil
import signal
import subprocess

import pytest
from echo import echoed, grpc_inputs
from faults import Faults
from running import Running

from greenroom.supervisor.program import Program
from greenroom.supervisor.service import http_url

UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
UNSHARED = f"""
import os, sys
os.execvp("unshare", [*{UNSHARE}, sys.executable, "-m", "greenroom.gateway"])
"""


def can_unshare():
    found = shutil.which("unshare")
    return found and not subprocess.run([*UNSHARE, "true"], check=False).returncode


def alone(settings, log, environment):
    """Return the controller in a pid namespace of its own."""
    url = f"{http_url(settings)}/readyz"
    arguments = ("-c", UNSHARED)
    return [Program("controller", arguments, url, settings, log=log, environment=environment)]


@pytest.fixture
async def unseen(free_settings, gate):
    """Return a running service whose controller sees nothing but itself."""
    if not can_unshare():
        pytest.skip("a pid namespace of its own needs more rights")
    async with Running(free_settings(), alone) as running:
        yield Faults(running, gate)


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.long)]
)
async def test_triton_is_restarted_and_the_request_sent_again(unseen, number):
    await unseen.load("echo")
    unseen.send("echo", number)
    assert echoed(await unseen.running.grpc.infer("echo", grpc_inputs()))
    reason = "The process of model echo does not exit and cannot be killed from here"
    await unseen.running.logged(f"triton | is being restarted: {reason}")
    assert len(unseen.running.stubs()) == 1

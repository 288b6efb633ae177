"""Triton as one user, before it a controller as the same or another one."""

import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from machine_fixture import ADMIN, Machine


@pytest.fixture(scope="module")
def machine(request):
    """Return the machine of a file's tests, which says with ON_SOCKETS where Triton listens."""
    folder = Path(tempfile.mkdtemp(prefix="greenroom-parts-"))
    folder.chmod(0o755)
    yield Machine(folder, getattr(request.module, "ON_SOCKETS", False))
    shutil.rmtree(folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def triton(machine):
    async with machine.triton() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def web(machine):
    """Return a client of the gateway with an operator's key."""
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with httpx.AsyncClient(base_url=machine.url, headers=headers, timeout=60) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="module")
async def controlled(machine, triton):
    """Return a starter of controllers, of which one at a time runs before Triton."""
    async with AsyncExitStack() as stack:

        async def start(user):
            return await stack.enter_async_context(machine.controller(user))

        yield start
    # Left by one user, it would keep the next one out.
    (machine.shared / "controller.lock").unlink(missing_ok=True)

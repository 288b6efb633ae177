from contextlib import AsyncExitStack

import pytest
from controller_harness import ControllerHarness


@pytest.fixture
async def harness(tmp_path):
    """Return a maker of controllers on a scripted Triton that is there, unless it is told."""
    async with AsyncExitStack() as stack:

        async def make(
            *, up=True, loaded=(), triton=None, policy=None, gpu=None, caches=None, **settings
        ):
            harness = ControllerHarness(
                tmp_path, triton, policy or {}, gpu, settings, caches=caches
            )
            if up:
                harness.triton.come(*loaded)
            await stack.enter_async_context(harness.following())
            await harness.settle()
            return harness

        yield make


@pytest.fixture
async def loaded(harness):
    """Return a maker of harnesses in which tts is hot and all processes can be seen."""

    async def make(**options):
        one = await harness(loaded=["tts"], **options)
        one.processes.seen = True
        one.triton.calls.clear()
        return one

    return make

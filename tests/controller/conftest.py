import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from house import House


@asynccontextmanager
async def _following(house):
    task = asyncio.create_task(house.controller.following.run())
    try:
        yield house
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await house.controller.close()


@pytest.fixture
async def house(tmp_path):
    """Return a maker of controllers on a scripted Triton that is there, unless it is told."""
    async with AsyncExitStack() as stack:

        async def make(*, up=True, loaded=(), triton=None, policy=None, gpu=None, **settings):
            house = House(tmp_path, triton, policy or {}, gpu, settings)
            if up:
                house.triton.come(*loaded)
            await stack.enter_async_context(_following(house))
            await house.settle()
            return house

        yield make

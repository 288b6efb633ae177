from contextlib import AsyncExitStack

import pytest
from house import House


@pytest.fixture
async def house(tmp_path):
    """Return a maker of controllers on a scripted Triton that is there, unless it is told."""
    async with AsyncExitStack() as stack:

        async def make(
            *, up=True, loaded=(), triton=None, policy=None, gpu=None, caches=None, **settings
        ):
            house = House(tmp_path, triton, policy or {}, gpu, settings, caches=caches)
            if up:
                house.triton.come(*loaded)
            await stack.enter_async_context(house.following())
            await house.settle()
            return house

        yield make

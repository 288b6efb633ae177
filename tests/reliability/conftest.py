"""One service for all tests of a file: what one breaks has healed before the next begins."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest_asyncio
from faults import Faults
from managed_models import weight_model
from running import Running

from greenroom.config import Policy
from greenroom.launcher.free_settings import free_settings

HERE = Path(__file__).parent
NEVER = Policy(offload_after=-1, unload_after=-1)


def write_repository(folder):
    """Write the models of the tests, and `weights`, which is managed."""
    for source in (HERE.parent / "models", HERE / "models"):
        shutil.copytree(
            source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    return weight_model(folder, "weights", 2**20, restore_seconds=0.5)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broken_in(tmp_path_factory):
    """Return the running service of this file's tests."""
    folder = tmp_path_factory.mktemp("reliability")
    weights = write_repository(folder / "models")
    names = ("echo", "slow", "relay", "gated", "drops", "deadly", "weights")
    settings = free_settings(
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        ensemble_repository=HERE.parent / "ensembles",
        triton_exit_timeout=2,
        probe_interval=0.5,
        policy=dict.fromkeys(names, NEVER),
    )
    gate = folder / "gate"
    os.environ["GREENROOM_TEST_GATE"] = str(gate)
    try:
        async with Running(settings) as running:
            yield Faults(running, weights, gate)
    finally:
        del os.environ["GREENROOM_TEST_GATE"]


@pytest_asyncio.fixture(loop_scope="module")
async def faults(broken_in):
    """Return the service with nothing loaded; nothing may be left of what the test broke."""
    await broken_in.unload_all()
    broken_in.gate.unlink(missing_ok=True)
    broken_in.gate.with_suffix(".reached").unlink(missing_ok=True)
    yield broken_in
    broken_in.gate.touch()
    await broken_in.unload_all()
    async with asyncio.timeout(10):
        while broken_in.left():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

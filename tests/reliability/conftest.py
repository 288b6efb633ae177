"""One service for all tests of a file: what one breaks has healed before the next begins."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest_asyncio
from faults import Faults
from running import Running

from greenroom.residency.policy import Policy
from greenroom.settings import PROJECT
from greenroom.supervisor.ports import free_settings

HERE = Path(__file__).parent
_COMPILED = shutil.ignore_patterns("__pycache__")
BROKEN = 10
"""How many models there are that cannot be loaded."""
NEVER = Policy(offload_after=-1, unload_after=-1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def broken_in(tmp_path_factory):
    """Return the running service of this file's tests."""
    folder = tmp_path_factory.mktemp("reliability")
    for source in (HERE.parent / "models", HERE / "models"):
        shutil.copytree(source, folder / "models", dirs_exist_ok=True, ignore=_COMPILED)
    for number in range(BROKEN):
        shutil.copytree(folder / "models/broken", folder / f"models/broken{number}")
    # One that is loaded no more for a while must not be what another test needs.
    shutil.copytree(folder / "models/stillborn", folder / "models/neverborn")
    shutil.copytree(PROJECT / "examples/models/tally", folder / "models/tally", ignore=_COMPILED)
    names = ("echo", "slow", "relay", "gated", "drops", "deadly", "puppet", "tally")
    settings = free_settings(
        runtime_dir=folder / "runtime",
        model_repository=folder / "models",
        ensemble_repository=HERE.parent / "ensembles",
        triton_exit_timeout=2,
        hang_timeout=3,
        probe_interval=0.5,
        policy=dict.fromkeys(names, NEVER),
    )
    gate = folder / "gate"
    os.environ["GREENROOM_TEST_GATE"] = str(gate)
    try:
        async with Running(settings) as running:
            yield Faults(running, gate)
    finally:
        del os.environ["GREENROOM_TEST_GATE"]


@pytest_asyncio.fixture(loop_scope="module")
async def faults(broken_in):
    """Return the service with nothing loaded; nothing may be left of what the test broke."""
    await broken_in.unload_all()
    await broken_in.running.web.patch("/residency/puppet", json={"offload_after": -1})
    for file in broken_in.gate.parent.glob(f"{broken_in.gate.name}*"):
        file.unlink()
    yield broken_in
    broken_in.gate.touch()
    await broken_in.unload_all()
    async with asyncio.timeout(10):
        while broken_in.left():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

"""A stepped model that is killed in mid-step, where Triton itself may abort (see test_suspects)."""

import asyncio
import shutil

import pytest

from greenroom.settings import PROJECT
from greenroom.triton.backend_processes import backend_processes

KILLS = 12
"""Triton 2.51 aborts at about two of them."""


@pytest.mark.long
async def test_every_request_is_served_though_triton_may_have_aborted(start, tmp_path, monkeypatch):
    monkeypatch.setenv("GREENROOM_STEP_SECONDS", "0")
    shutil.copytree(PROJECT / "examples" / "models" / "tally", tmp_path / "models" / "tally")
    running = await start(model_repository=tmp_path / "models")
    tensor = {"name": "TEXT", "shape": [1, 1], "datatype": "BYTES", "data": ["word " * 1500]}

    async def count():
        return await running.web.post("/v2/models/tally/infer", json={"inputs": [tensor]})

    for kill in range(1, KILLS + 1):
        assert (await running.act("tally", "load")).status_code == 200
        texts = [asyncio.create_task(count()) for _ in range(4)]
        await running.until("tally", leases=4)
        (process,) = backend_processes("tally", running.service.triton.prefix)
        process.kill()
        for text in texts:
            assert (await text).json()["outputs"][0]["data"] == [1500]
        assert running.count("INFO load tally (") == kill + 1
    assert not running.count("sent again alone")

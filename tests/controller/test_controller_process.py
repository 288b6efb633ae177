"""The controller as a process of its own."""

import asyncio
import os
import subprocess
import sys

import pytest

from greenroom.settings.exported import child_environment


@pytest.mark.slow
async def test_without_a_key_it_does_not_listen_to_other_machines(free_settings):
    settings = free_settings(host="0.0.0.0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "greenroom.gateway"),
        env=child_environment(settings, os.environ),
        stderr=subprocess.PIPE,
    )
    said = (await process.stderr.read()).decode()
    assert await process.wait() == 1
    assert "GREENROOM_HOST is 0.0.0.0" in said
    assert "Traceback" not in said

"""A speech service of a benchmark's own, on free ports, that keeps its voice hot."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from greenroom.residency.policy import Policy
from greenroom.supervisor import Service
from greenroom.supervisor.ports import free_settings


@asynccontextmanager
async def speech_service(engines: str) -> AsyncIterator[Service]:
    """`engines` is a value of GREENROOM_ENGINES."""
    never = Policy(offload_after=-1, unload_after=-1)
    with tempfile.TemporaryDirectory() as folder:
        settings = free_settings(runtime_dir=Path(folder), policy={"tts": never})
        environment = {**os.environ, "GREENROOM_ENGINES": engines}
        async with Service(settings, log=lambda name, line: None, environment=environment) as one:
            yield one

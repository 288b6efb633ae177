"""Programs of others against a real service, each with its defaults but the base URL.

Their packages are in environments of their own, which `make clients` makes; without them these
tests are skipped.
"""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from greenroom.settings import PROJECT, Settings
from greenroom_speech.word_errors import word_errors

CLIENTS = PROJECT / ".clients"
PROGRAMS = Path(__file__).parent / "programs"
WORDS = "The garden is full of flowers."
NODE = CLIENTS / "openai-node"
PYTHON = {name: CLIENTS / name / "bin" / "python" for name in ("livekit", "pipecat")}
COMMANDS = {
    "openai-node": [shutil.which("node") or "node", PROGRAMS / "openai_node.mjs", NODE],
    "livekit": [PYTHON["livekit"], PROGRAMS / "livekit_agent.py"],
    "pipecat": [PYTHON["pipecat"], PROGRAMS / "pipecat_bot.py"],
}


@pytest.mark.parametrize("program", COMMANDS)
async def test_a_program_speaks_and_hears(program, start, tmp_path):
    if not (CLIENTS / program / "complete").exists():
        pytest.skip(f"{program} is not installed; make clients installs it")
    service = await start(
        **{
            name: Settings.model_fields[name].default
            for name in ("model_repository", "ensemble_repository")
        },
        environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")},
    )
    running = await asyncio.create_subprocess_exec(
        *COMMANDS[program],
        service.service.url,
        WORDS,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, wrong = await running.communicate()
    assert running.returncode == 0, wrong.decode()[-2000:]
    facts = json.loads(said.decode().strip().splitlines()[-1])
    assert facts["chunks"] > 1
    assert word_errors(WORDS, facts["heard"])[0] <= 2

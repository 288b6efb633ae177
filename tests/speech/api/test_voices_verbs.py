"""`greenroom voices` against a real service."""

import asyncio
import subprocess
import sys
from pathlib import Path

from greenroom.settings import Settings
from greenroom_speech.voices import voice

GREENROOM = Path(sys.executable).with_name("greenroom")
REAL = {
    name: Settings.model_fields[name].default
    for name in ("model_repository", "ensemble_repository")
}


async def test_voices_are_listed_added_and_deleted(start, tmp_path):
    running = await start(**REAL, environment={"GREENROOM_VOICES_DIR": str(tmp_path / "voices")})

    async def greenroom(*arguments):
        command = [GREENROOM, "voices", *arguments]
        command += ["--url", running.service.url]
        return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)

    recording = str(voice("henry").path)
    said = await greenroom("add", "Uncle Henry", recording, "--consent", "Henry agrees.")
    assert said.returncode == 0, said.stderr
    assert "Saved Uncle Henry, 6.2 s: my brother came home" in said.stdout
    assert "Uncle Henry" in (await greenroom("list")).stdout
    taken = await greenroom("add", "clara", recording, "--consent", "Henry agrees.")
    assert taken.returncode == 1
    assert "A voice named 'clara' exists already" in taken.stderr
    assert (await greenroom("delete", "Uncle Henry")).returncode == 0
    gone = await greenroom("delete", "Uncle Henry")
    assert gone.returncode == 1
    assert "similar names are henry" in gone.stderr

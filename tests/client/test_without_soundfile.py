"""The client without its extra ``speech``: all but the verbs and calls that need audio files."""

import subprocess
import sys

import pytest
from scripted_server import ScriptedServer, json_answer

pytestmark = pytest.mark.slow

WITHOUT = "import sys; sys.modules['soundfile'] = None\n"
COMMAND = f"{WITHOUT}from greenroom_client.cli import main; main()"
SPEECH_VERBS = {"clone", "edit", "transcribe", "voices"}


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_verbs_for_speech_are_not_listed() -> None:
    listed = {line.split()[0] for line in python(COMMAND, "--help").stdout.splitlines() if line}

    assert {"status", "load", "unload", "verify"} <= listed
    assert not SPEECH_VERBS & listed


def test_the_other_verbs_work(server: ScriptedServer) -> None:
    server.on("GET", "/residency", json_answer({"models": {}, "gpu": None}))

    done = python(COMMAND, "status", "--json", "--url", server.url)

    assert (done.returncode, done.stderr) == (0, "")
    assert '"models": {}' in done.stdout


def test_a_call_with_an_audio_file_names_the_extra() -> None:
    done = python(
        WITHOUT
        + """
from greenroom_client import Client, MissingExtra
try:
    Client().clone(b"RIFF", "Good evening.")
except MissingExtra as error:
    print(error)
"""
    )

    assert "pip install 'greenroom-client[speech]'" in done.stdout, done.stderr

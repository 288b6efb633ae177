"""What somebody says into the microphone, by a program that is installed."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import typer

from greenroom_client.errors import InvalidInput

_RECORDERS = (
    ("arecord", "-q", "-f", "S16_LE", "-r", "16000", "-c", "1", "-t", "wav"),
    ("pw-record", "--rate", "16000", "--channels", "1"),
    ("rec", "-q", "-r", "16000", "-c", "1"),
)
"""They write the file that they are told, until they are ended."""


def recorded() -> bytes:
    """A recording as a file: from a pipe as it comes, from a terminal until Enter is pressed.

    Raises InvalidInput where there is no program that records, or it fails.
    """
    if not sys.stdin.isatty():
        return sys.stdin.buffer.read()
    command = next((one for one in _RECORDERS if shutil.which(one[0])), None)
    if command is None:
        known = ", ".join(name for name, *_ in _RECORDERS)
        raise InvalidInput(f"no program to record audio is installed; install one of {known}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "microphone.wav")
        process = subprocess.Popen([*command, str(path)], stdin=subprocess.DEVNULL)
        typer.echo("Recording. Press Enter to end.", err=True)
        try:
            sys.stdin.readline()
        finally:
            process.terminate()
            process.wait()
        if not path.is_file():
            raise InvalidInput(f"{command[0]} recorded nothing; check the microphone.")
        return path.read_bytes()

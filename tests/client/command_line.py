"""Runs the installed command ``greenroom`` as a user does."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

GREENROOM = Path(sys.executable).with_name("greenroom")


def run(*args: object, text: bool = True, **environment: str) -> subprocess.CompletedProcess[Any]:
    """Run to the end, with stdout and stderr as pipes."""
    return subprocess.run(
        [GREENROOM, *map(str, args)],
        capture_output=True,
        text=text,
        timeout=60,
        env=os.environ | environment,
        check=False,
    )


class OnTerminal:
    """A command that believes to run on a terminal of 120 columns."""

    def __init__(self, process: subprocess.Popen[bytes], screen: IO[bytes]) -> None:
        self._process = process
        self._screen = screen
        self.shown = b""

    def wait_to_see(self, pattern: str) -> None:
        """Return once the pattern was shown after what was seen before."""
        while not (match := re.search(pattern.encode(), self.shown)):
            self.shown += os.read(self._screen.fileno(), 4096)
        self.shown = self.shown[match.end() :]

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self.exit_code()

    def exit_code(self) -> int:
        """Read what is left on the screen, and return the exit code."""
        while True:
            try:
                piece = os.read(self._screen.fileno(), 4096)
            except OSError:  # Linux: the other side is closed
                break
            self.shown += piece
        return self._process.wait(60)


@contextmanager
def on_terminal(*args: object) -> Iterator[OnTerminal]:
    """Start the command with a terminal as stdout and stderr."""
    mine, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120"}
    with (
        os.fdopen(mine, "rb", buffering=0) as screen,
        subprocess.Popen(
            [GREENROOM, *map(str, args)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        ) as process,
    ):
        os.close(theirs)
        try:
            yield OnTerminal(process, screen)
        finally:
            process.kill()

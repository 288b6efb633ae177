"""Where speech goes while it is made: a pipe, or a player that is installed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from greenroom_client.errors import InvalidInput

if TYPE_CHECKING:
    from greenroom_client.speech import Speech

_PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-i", "-"),
    ("mpv", "--really-quiet", "-"),
    ("aplay", "-q", "-"),
    ("play", "-q", "-t", "wav", "-"),
)
"""All of them play a wav that comes as it is made."""


class Wav:
    """Writes pieces of speech as one wav file that ends when they do."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seconds = 0.0

    def write(self, piece: "Speech") -> None:
        from greenroom_client.audio import sixteen_bits  # imports numpy
        from greenroom_client.streams import wav_header

        if not self.seconds:
            self._file.write(wav_header(piece.sample_rate))
        self._file.write(sixteen_bits(piece.samples))
        self._file.flush()
        self.seconds += piece.seconds


@contextmanager
def standard_output() -> Iterator[Wav]:
    """Write to whatever reads this program."""
    yield Wav(sys.stdout.buffer)


@contextmanager
def player() -> Iterator[Wav]:
    """Play; at the end wait until all has been heard. Raises InvalidInput without a player."""
    command = next((one for one in _PLAYERS if shutil.which(one[0])), None)
    if command is None:
        known = ", ".join(name for name, *_ in _PLAYERS)
        raise InvalidInput(f"no program to play audio is installed; install one of {known}.")
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        try:
            yield Wav(process.stdin)
        except BaseException:
            process.kill()
            raise

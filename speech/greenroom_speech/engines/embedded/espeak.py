"""Speech in many languages by espeak-ng, which runs as a program of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import IO

import espeakng_loader
import numpy as np

from greenroom.errors import GreenroomError
from greenroom_speech.engines.audio_input import Samples

WORDS_PER_MINUTE = 165
Request = dict[str, str | int]
_WORKER = Path(__file__).with_name("espeak_worker.py")


class EspeakDied(GreenroomError):
    """The espeak-ng program ended in the middle of a text."""


class Espeak:
    """One espeak-ng program, started at the first text and again when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None while the program does not run."""
        return self._process.pid if self._process else None

    def speak(self, text: str, voice: str, stretch: float = 1.0) -> tuple[Samples, int]:
        """The same text gives the same samples.

        ``voice`` is an espeak-ng name such as ``cmn`` or ``cmn+f3``, ``stretch`` multiplies the
        durations. Mono float32 and its rate in Hz come back, empty where there is nothing to say.
        """
        # A newline would end the request's line; to espeak-ng it is only another space.
        request: Request = {
            "voice": voice,
            "text": text.replace("\0", " "),
            "words_per_minute": round(WORDS_PER_MINUTE / stretch),
        }
        try:
            return self._ask(request)
        except EspeakDied:
            self.close()
            return self._ask(request)

    def close(self) -> None:
        """End the program."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                _close(pipe)
        self._process.kill()
        self._process.wait()
        self._process = None

    def _ask(self, request: Request) -> tuple[Samples, int]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            raise EspeakDied("The espeak-ng program has ended.") from None
        head = _line(process.stdout)
        if "error" in head:
            raise GreenroomError(f"voice {request['voice']!r}: {head['error']}.")
        pcm = process.stdout.read(int(head["bytes"]))
        if len(pcm) < int(head["bytes"]):
            raise EspeakDied("The espeak-ng program ended while it spoke.")
        samples = np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0
        return samples, int(head["rate"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            paths = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
            self._process = subprocess.Popen(
                [sys.executable, "-S", str(_WORKER), *map(str, paths)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process


def _line(pipe: IO[bytes]) -> Request:
    line = pipe.readline()
    if not line:
        raise EspeakDied("The espeak-ng program ended before it answered.")
    head: Request = json.loads(line)
    return head


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        # A request that the dead program did not take is still in the buffer.
        return

"""Kokoro-82M in onnxruntime: from phoneme ids and a style to sound."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from greenroom_speech.engines.heap import allocated, give_back
from greenroom_speech.engines.kokoro.package_files import KOKORO
from greenroom_speech.engines.kokoro.pitched_graph import FORESEEN, LEVEL, RANGE, with_pitch

RATE = 24_000
LONGEST = 510
"""Most ids of one run, with the 0 at both ends."""

Wave = npt.NDArray[np.float32]
Style = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pitch:
    """Where ln F0 goes: ``range * ln F0 + level``."""

    range: float = 1.0
    level: float = 0.0


AS_FORESEEN = Pitch()


class Kokoro:
    """One session, which can be given up and made again."""

    def __init__(self, models: Path, threads: int) -> None:
        """Read and check the weights, and load them. SetupError says what is wrong with them."""
        self._models, self._threads = models, threads
        self._session: onnxruntime.InferenceSession | None = None
        self._checked = False
        self.bytes = 0
        """Memory that the session took, measured."""
        self.load()
        self._checked = True

    def load(self) -> None:
        """Make the session; nothing happens where there is one."""
        if self._session is not None:
            return
        before = allocated()
        with _patched(KOKORO.read(self._models, check=not self._checked)) as path:
            self._session = session(path, self._threads)
        self.bytes = max(allocated() - before, 0)

    def unload(self) -> None:
        """Free the session; its memory goes back to the system."""
        self._session = None
        give_back()
        self.bytes = 0

    def say(
        self, ids: list[int], style: Style, speed: float = 1.0, pitch: Pitch = AS_FORESEEN
    ) -> tuple[Wave, Wave]:
        """The sound (samples,) at 24 kHz, and the F0 (frames,) in Hz that was foreseen for it.

        ``ids`` are of phonemes, without the 0 at both ends; ``style`` has shape (256,). The same
        input gives the same bits.
        """
        assert self._session is not None
        sound, curve = self._session.run(
            ["audio", FORESEEN],
            {
                "tokens": np.array([[0, *ids, 0]], np.int64),
                "style": style[np.newaxis],
                "speed": np.array([speed], np.float32),
                RANGE: np.array([pitch.range], np.float32),
                LEVEL: np.array([pitch.level], np.float32),
            },
        )
        return sound.reshape(-1), curve.reshape(-1)


def session(path: str, threads: int) -> onnxruntime.InferenceSession:
    """A session whose memory can be given back, and whose threads sleep while they wait."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@contextmanager
def _patched(content: bytearray) -> Iterator[str]:
    """The path of the changed file. It is in memory, and only as long as it is read."""
    with_pitch(content)
    descriptor = os.memfd_create("kokoro")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
        content.clear()
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)

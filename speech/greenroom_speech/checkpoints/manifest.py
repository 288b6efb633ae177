"""What was pulled into a folder: sizes and hashes as the hub gave them, verified then."""

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from greenroom_speech.checkpoints.digest import Digest

NAME = "pulled.json"


class PulledFile(BaseModel):
    """One verified file."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    digest: str
    """As ``str`` of a Digest."""
    source: str
    revision: str | None
    """The repository's commit; None where the address alone says what the file is."""
    pulled: datetime

    def verified(self) -> Digest:
        return Digest.parse(self.digest)


class _Pulled(RootModel[dict[str, PulledFile]]):
    pass


class Manifest:
    """The pulled files of one folder, by their paths below it, kept in ``pulled.json``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._files = _read(self._path)

    def get(self, location: str) -> PulledFile | None:
        """None if the file was not pulled."""
        return self._files.get(location)

    def add(
        self, location: str, size: int, digest: Digest, source: str, revision: str | None
    ) -> None:
        """Note a file that has just been verified."""
        self._files[location] = PulledFile(
            bytes=size,
            digest=str(digest),
            source=source,
            revision=revision,
            pulled=datetime.now(UTC),
        )
        written = self._path.with_suffix(".new")
        written.write_text(_Pulled(self._files).model_dump_json(indent=1), encoding="utf-8")
        written.replace(self._path)


def _read(path: Path) -> dict[str, PulledFile]:
    # Lost or broken, it costs one more comparison with the hub.
    try:
        return _Pulled.model_validate_json(path.read_bytes()).root
    except (OSError, ValidationError):
        return {}

"""What models were measured to need, kept in the runtime folder from one run to the next."""

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from greenroom.errors import SetupError
from greenroom.managed.engine_choice import engine_name, precision_name, stated_bytes
from greenroom.settings import ModelSettings
from greenroom.triton.repository import ModelSpec

logger = logging.getLogger(__name__)

FILE = "measurements.json"
_WEIGHTS = frozenset({".bin", ".ckpt", ".gguf", ".onnx", ".pt", ".pth", ".safetensors"})


class _Measurement(BaseModel):
    """Bytes on the GPU of a hot model, and of which files and engine that is true."""

    hot_bytes: int
    source: str


_FILE = TypeAdapter(dict[str, _Measurement])


class Measurements:
    """A small file that may be lost or broken: then a model's size is estimated once more."""

    def __init__(self, folder: Path, models: ModelSettings) -> None:
        self._path = folder / FILE
        self._models = models
        self._kept = self._read()

    def of(self, spec: ModelSpec) -> int | None:
        """What it held when hot, None if it was not measured with the files it has now."""
        kept = self._kept.get(spec.name)
        return kept.hot_bytes if kept and kept.source == self._source(spec) else None

    def keep(self, spec: ModelSpec, hot_bytes: int) -> None:
        """For the model's files as they are now."""
        if self.of(spec) == hot_bytes:
            return
        self._kept[spec.name] = _Measurement(hot_bytes=hot_bytes, source=self._source(spec))
        try:
            self._write()
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error)

    def weight_bytes(self, spec: ModelSpec) -> int:
        """The size of a model's weight files.

        They lie in its folder, and where the config's parameter ``weights.<engine>`` says: files
        or folders, separated by commas, relative to the folder of the checkpoints.
        """
        return sum(path.stat().st_size for path in set(self._weight_files(spec)))

    def stated_bytes(self, spec: ModelSpec) -> int | None:
        """What the engine itself says that it will hold, None if it says nothing."""
        precision = precision_name(spec.name, spec.parameters)
        try:
            return stated_bytes(spec.name, self._engine(spec), precision)
        except SetupError:
            return None  # it cannot be loaded, and the load will say why

    def _weight_files(self, spec: ModelSpec) -> Iterator[Path]:
        places = [spec.folder]
        named = spec.parameters.get(f"weights.{self._engine(spec)}", "").split(",")
        places += [self._models.models / place.strip() for place in named if place.strip()]
        for place in places:
            found = place.rglob("*") if place.is_dir() else [place]
            yield from (p.resolve() for p in found if p.suffix in _WEIGHTS and p.is_file())

    def _engine(self, spec: ModelSpec) -> str:
        return engine_name(spec.name, spec.parameters)

    def _source(self, spec: ModelSpec) -> str:
        size = self.stated_bytes(spec) or self.weight_bytes(spec)
        described: tuple[object, ...] = (self._engine(spec), size, sorted(spec.fingerprint()))
        if precision := precision_name(spec.name, spec.parameters):
            described += (precision,)
        return hashlib.sha256(repr(described).encode()).hexdigest()[:16]

    def _read(self) -> dict[str, _Measurement]:
        try:
            return _FILE.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValidationError) as error:
            logger.warning("%s cannot be read; sizes are estimated: %s", self._path, error)
            return {}

    def _write(self) -> None:
        """Replace the file in one step: a reader finds the old one or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: kept.model_dump() for name, kept in self._kept.items()})
        draft = self._path.with_suffix(".draft")  # the one controller of a service writes it
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._path)

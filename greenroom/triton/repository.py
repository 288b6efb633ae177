"""The model repositories on disk: which models there are and what their configs say."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from pydantic import ValidationError
from tritonclient.grpc import model_config_pb2

from greenroom.errors import InvalidInput
from greenroom.residency.control import RESIDENCY_INPUT
from greenroom.residency.policy import Policy

logger = logging.getLogger(__name__)

CONFIG = "config.pbtxt"


@dataclass(frozen=True)
class ModelSpec:
    """One model folder. `steps`: what an ensemble needs, flattened, itself left out."""

    name: str
    folder: Path
    config: model_config_pb2.ModelConfig
    steps: tuple[str, ...] = ()

    @property
    def controllable(self) -> bool:
        """Whether it takes the RESIDENCY control input."""
        return any(entry.name == RESIDENCY_INPUT for entry in self.config.input)

    @property
    def parameters(self) -> Mapping[str, str]:
        """The `parameters` of its config."""
        return {key: value.string_value for key, value in self.config.parameters.items()}

    @property
    def policy(self) -> Policy:
        """What its parameters say of how it comes and goes; the default where they say nothing."""
        return _policy(self.config)

    @property
    def versions(self) -> tuple[str, ...]:
        """The version folders, oldest first; none when the folder was removed."""
        found = (entry.name for entry in self.folder.glob("*") if entry.is_dir())
        return tuple(sorted((name for name in found if name.isdigit()), key=int))

    def fingerprint(self) -> frozenset[tuple[str, int, int]]:
        """Return what changes when any file of the model does; compiled files do not count."""
        return frozenset(
            (str(path), path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )


class Repository:
    """Reads several repository folders as one, like Triton does."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._seen: dict[Path, int] = {}
        self.models: Mapping[str, ModelSpec] = {}
        self.scan()

    def scan(self) -> None:
        """Read all model folders anew.

        A config that can not be read is logged; the model keeps its last good one, if any.
        """
        self._seen = self._times()
        configs = {name: (folder, config) for name, folder, config in self._read()}
        self.models = {
            name: ModelSpec(name, folder, config, tuple(_steps(name, configs)))
            for name, (folder, config) in configs.items()
        }

    def has(self, name: str) -> bool:
        """Whether there is such a model; one that was added since is noticed.

        Raises InvalidInput for a name with a NUL: Triton would read it only up to there.
        """
        if "\0" in name:
            raise InvalidInput(f"Model name {name!r} contains NUL; no model's name does.")
        if name not in self.models and self._times() != self._seen:
            self.scan()
        return name in self.models

    def still_has(self, name: str) -> bool:
        """Whether the folder of a model that was found before is still there."""
        return name in self.models and (self.models[name].folder / CONFIG).exists()

    def _times(self) -> dict[Path, int]:
        """Return when each config was written: it may come later than its folder."""
        found = {}
        for folder in self._folders:
            for path in folder.glob(f"*/{CONFIG}"):
                with suppress(FileNotFoundError):
                    found[path] = path.stat().st_mtime_ns
        return found

    def _read(self) -> Iterator[tuple[str, Path, model_config_pb2.ModelConfig]]:
        for folder in self._folders:
            for path in sorted(folder.glob(f"*/{CONFIG}")):
                name = path.parent.name
                try:
                    text = path.read_text(encoding="utf-8")
                    config = text_format.Parse(text, model_config_pb2.ModelConfig())
                    _policy(config)
                except (OSError, ValueError, text_format.ParseError) as error:
                    logger.warning("%s can not be read: %s", path, error)
                    if name not in self.models:
                        continue
                    config = self.models[name].config
                yield name, path.parent, config


def _policy(config: model_config_pb2.ModelConfig) -> Policy:
    """Raises ValueError for a parameter that no policy can have."""
    parameters = config.parameters
    given = {
        name: parameters[name].string_value for name in Policy.model_fields if name in parameters
    }
    try:
        return Policy.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(
            f"Parameter {fault['loc'][0]} is {fault['input']!r}: {fault['msg']}."
        ) from None


def _steps(
    name: str, configs: Mapping[str, tuple[Path, model_config_pb2.ModelConfig]]
) -> Iterator[str]:
    """Yield what must be loaded before an ensemble, dependencies first, each once."""
    found: dict[str, None] = {}

    def visit(ensemble: str, above: tuple[str, ...]) -> None:
        for step in configs[ensemble][1].ensemble_scheduling.step:
            if step.model_name in configs and step.model_name not in above:
                visit(step.model_name, (*above, step.model_name))
                found.setdefault(step.model_name)

    visit(name, (name,))
    yield from found

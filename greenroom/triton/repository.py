"""The model repositories on disk: which models there are and what their configs say."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from google.protobuf import text_format
from pydantic import ValidationError
from tritonclient.grpc import model_config_pb2

from greenroom.errors import InvalidInput, SetupError
from greenroom.residency.control import RESIDENCY_INPUT
from greenroom.residency.policy import Policy

logger = logging.getLogger(__name__)

CONFIG = "config.pbtxt"
_COMPLETES_ITSELF = b"def auto_complete_config"


@dataclass(frozen=True)
class ModelSpec:
    """One model folder. `steps`: what an ensemble needs, flattened, itself left out."""

    name: str
    folder: Path
    config: model_config_pb2.ModelConfig
    """Its config.pbtxt; empty where there is none."""
    steps: tuple[str, ...] = ()
    completed: model_config_pb2.ModelConfig = field(default_factory=model_config_pb2.ModelConfig)
    """What Triton made of an incomplete config when it loaded the model last; empty before."""

    @cached_property
    def complete(self) -> bool:
        """Triton can load it without completing its config.

        A Python model that has code for this may change anything, so its config never is. Each
        request asks, and its files are not read for each: see `look_again`.
        """
        config = self.config
        if config.HasField("ensemble_scheduling"):
            return True
        if not (config.input and config.output and (config.backend or config.platform)):
            return False
        programs = self.folder.glob("[0-9]*/*.py")
        return not any(_COMPLETES_ITSELF in path.read_bytes() for path in programs)

    def look_again(self) -> None:
        """Its files may be others than those that were read."""
        self.__dict__.pop("complete", None)

    @property
    def known_config(self) -> model_config_pb2.ModelConfig | None:
        """The config with which Triton loads it; None as long as nobody knows."""
        if self.completed.name:
            return self.completed
        return self.config if self.complete else None

    @property
    def controllable(self) -> bool:
        """It takes the RESIDENCY control input."""
        return any(entry.name == RESIDENCY_INPUT for entry in self.config.input)

    @property
    def batched(self) -> bool:
        return bool((self.known_config or self.config).max_batch_size > 0)

    @property
    def decoupled(self) -> bool:
        """It gives any number of answers to a request."""
        return bool((self.known_config or self.config).model_transaction_policy.decoupled)

    @property
    def works_in_steps(self) -> bool:
        """Triton hands it its requests again and again until each is done."""
        return bool(self.config.sequence_batching.iterative_sequence)

    @property
    def has_process(self) -> bool:
        """It runs in a process of its own, as far as its config says."""
        return bool(self.config.backend == "python")

    @property
    def parameters(self) -> Mapping[str, str]:
        return {key: value.string_value for key, value in self.config.parameters.items()}

    @property
    def policy(self) -> Policy:
        """What its parameters say of how it comes and goes; the default where they say nothing."""
        return _policy(self.config)

    @property
    def versions(self) -> tuple[str, ...]:
        """Oldest first; none when the folder was removed."""
        return versions(self.folder)

    def fingerprint(self) -> frozenset[tuple[str, int, int]]:
        """Changes when any file of the model does; compiled files do not count."""
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

        A config that cannot be read is logged; the model keeps its last good one, if any.
        """
        self._seen = self._times()
        configs = {name: (folder, config) for name, folder, config in self._read()}
        self.models = {
            name: ModelSpec(
                name, folder, config, tuple(_steps(name, configs)), self._completed(name)
            )
            for name, (folder, config) in configs.items()
        }

    def _completed(self, name: str) -> model_config_pb2.ModelConfig:
        known = self.models.get(name)
        return known.completed if known else model_config_pb2.ModelConfig()

    def has(self, name: str) -> bool:
        """One that was added since the last scan is noticed.

        Raises InvalidInput for a name with a NUL: Triton would read it only up to there.
        """
        if "\0" in name:
            raise InvalidInput(f"Model name {name!r} contains NUL; it must not.")
        if name not in self.models and self._times() != self._seen:
            self.scan()
        return name in self.models

    def still_has(self, name: str) -> bool:
        """The folder of a model that was found before is still there."""
        return name in self.models and _is_model(self.models[name].folder)

    def _times(self) -> dict[Path, int]:
        """When each config was written: it may come later than its folder."""
        found = {}
        for folder in self._found():
            with suppress(FileNotFoundError):
                found[folder] = folder.stat().st_mtime_ns
                found[folder] = (folder / CONFIG).stat().st_mtime_ns
        return found

    def _found(self) -> Iterator[Path]:
        for repository in self._folders:
            yield from model_folders(repository)

    def _read(self) -> Iterator[tuple[str, Path, model_config_pb2.ModelConfig]]:
        for folder in self._found():
            try:
                config = read_config(folder)
            except SetupError as error:
                logger.warning("%s", error)
                if folder.name not in self.models:
                    continue
                config = self.models[folder.name].config
            yield folder.name, folder, config


def read_config(folder: Path) -> model_config_pb2.ModelConfig:
    """Read a model's config.pbtxt; empty if there is none.

    Raises SetupError with the file, the parameter and the rule where it is wrong.
    """
    path, config = folder / CONFIG, model_config_pb2.ModelConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
        _policy(config)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, text_format.ParseError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
    return config


def model_folders(repository: Path) -> list[Path]:
    """With a config or a version."""
    return [entry for entry in sorted(repository.glob("*")) if _is_model(entry)]


def _is_model(folder: Path) -> bool:
    return (folder / CONFIG).exists() or bool(versions(folder))


def versions(folder: Path) -> tuple[str, ...]:
    """Oldest first."""
    found = (entry.name for entry in folder.glob("*") if entry.name.isdigit() and entry.is_dir())
    return tuple(sorted(found, key=int))


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
    """What must be loaded before an ensemble, dependencies first, each once."""
    found: dict[str, None] = {}

    def visit(ensemble: str, above: tuple[str, ...]) -> None:
        for step in configs[ensemble][1].ensemble_scheduling.step:
            if step.model_name in configs and step.model_name not in above:
                visit(step.model_name, (*above, step.model_name))
                found.setdefault(step.model_name)

    visit(name, (name,))
    yield from found

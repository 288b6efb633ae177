"""What a request asks for, by its path or its gRPC message: a model, and perhaps one replica."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from re import Pattern
from typing import Any
from urllib.parse import parse_qs

from starlette.routing import compile_path

from greenroom.gateway.apps import Apps
from greenroom.triton.repository import Repository

_MODEL = re.compile(r"/(?:v2(?:/repository)?/models|residency)/([^/]+)/.+")
"""Paths of the gateway itself that are about one model."""
ABOUT_RESIDENCY = re.compile(r"/(residency(/.*)?|metrics)")
"""Where ``?replica=`` names one."""


@dataclass(frozen=True)
class RequestNeeds:
    """The models that a request needs, and the replica that it names."""

    needs: Sequence[str] = ()
    replica: str | None = None


@dataclass(frozen=True)
class Directory:
    """What every replica of a fleet serves; they all have the same repositories and plug-ins."""

    paths: Mapping[str, str] = field(default_factory=dict)
    """The model that each path of an app needs, such as ``/things/{name}/preview``."""
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of each model what a request for it needs: itself, or the steps of an ensemble."""

    def of_path(self, path: str, query: bytes) -> RequestNeeds:
        """Of an HTTP request or a WebSocket; a model in the query is one for apps, not for us."""
        named = None
        if ABOUT_RESIDENCY.fullmatch(path):
            named = parse_qs(query.decode("latin-1")).get("replica", [None])[0]
        found = _MODEL.fullmatch(path)
        model = found[1] if found else self._model_of_app(path)
        return RequestNeeds(self.needs(model), named)

    def of_message(self, message: Any, metadata: Mapping[str, str]) -> RequestNeeds:
        """Of a gRPC call; of a stream, whose messages nobody has seen yet, the metadata say it."""
        found = (getattr(message, name, "") for name in ("model_name", "name"))
        return RequestNeeds(self.needs(next(filter(None, found), None) or metadata.get("model")))

    def needs(self, model: str | None) -> Sequence[str]:
        """Nothing of a model that nobody has: routers remember names, and anybody may send one."""
        return self.steps.get(model or "", ())

    def _model_of_app(self, path: str) -> str | None:
        return next((model for form, model in self._forms if form.match(path)), None)

    @cached_property
    def _forms(self) -> list[tuple[Pattern[str], str]]:
        return [(compile_path(path)[0], model) for path, model in self.paths.items()]

    def knowing(self, models: Iterable[str]) -> "Directory":
        """With models that have come since; of an ensemble among them nobody knows the steps."""
        return replace(self, steps={name: (name,) for name in models} | dict(self.steps))

    def as_metadata(self) -> dict[str, Any]:
        """As Ray hands it to the routers."""
        return {"paths": dict(self.paths), "steps": {k: list(v) for k, v in self.steps.items()}}

    @classmethod
    def of_metadata(cls, given: Mapping[str, Any]) -> "Directory":
        return cls(given.get("paths", {}), given.get("steps", {}))


def directory(apps: Apps, repository: Repository) -> Directory:
    paths = {path: model for app in apps.all for path, model in app.models.items()}
    specs = repository.models.items()
    return Directory(paths, {name: spec.steps or (name,) for name, spec in specs})

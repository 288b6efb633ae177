"""Which engine a model runs: the one that the environment names, else its config.

A name is either ``package.module:Class`` or that of an entry point in the group
``greenroom.engines.<model>``, by which an installed package offers engines for a model. The extra
of an entry point names what the engine needs beside its package.
"""

import os
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from greenroom.errors import GreenroomError, SetupError
from greenroom.managed.engine import Engine
from greenroom.settings import ModelSettings
from greenroom.settings.models import PRECISION

_GROUP = "greenroom.engines"
_SETS = "GREENROOM_ENGINES"


def chosen_engine(model: str, config: Mapping[str, Any], settings: ModelSettings) -> Engine:
    """Make the engine of a model: its class, or what makes it, is called with ``settings``.

    ``config`` is Triton's model config as a dict. Raises SetupError if no engine has the name, or
    if it cannot be imported.
    """
    name = engine_name(model, parameters_of(config))
    path = engine_path(model, name)
    try:
        make = pkgutil.resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise _not_imported(model, name, error) from error
    try:
        engine: Engine = make(settings)
    except ImportError as error:
        # An engine may import its libraries only now, while something else is under way.
        raise _not_imported(model, name, error) from error
    return engine


def _not_imported(model: str, name: str, error: Exception) -> SetupError:
    path, lacks = engine_path(model, name), ", ".join(lacking(model, name))
    return SetupError(
        f"Engine {path!r} of model {model!r} cannot be imported: {error}."
        + (f" It needs {lacks}." if lacks else "")
    )


def parameters_of(config: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of Triton's model config as a dict."""
    given = config.get("parameters", {})
    return {key: value["string_value"] for key, value in given.items()}


def engine_name(model: str, parameters: Mapping[str, str]) -> str:
    """The first of these that says it; ``parameters`` are those of the model's config.

    ``GREENROOM_<MODEL>_ENGINE``; the parameter ``engine.<set>`` for the set that GREENROOM_ENGINES
    names; the parameter ``engine``, of whose engines, separated by commas, it is the first that
    lacks nothing, else the last. Raises SetupError for a set that the model does not have.
    """
    if named := _said(model, "engine"):
        return named
    prefix = "engine."
    sets = [name.removeprefix(prefix) for name in parameters if name.startswith(prefix)]
    if (chosen := os.environ.get(_SETS)) and sets:
        if chosen not in sets:
            raise SetupError(f"{_SETS} is {chosen!r}; it must be one of {', '.join(sorted(sets))}.")
        return parameters[prefix + chosen]
    *preferred, last = (name.strip() for name in parameters.get("engine", "").split(","))
    return next((name for name in preferred if not lacking(model, name)), last)


def precision_name(model: str, parameters: Mapping[str, str]) -> str:
    """``GREENROOM_<MODEL>_PRECISION``, else the config's parameter; empty where nothing is said."""
    return _said(model, PRECISION) or parameters.get(PRECISION, "")


def _said(model: str, what: str) -> str | None:
    """What the environment says of one model."""
    return os.environ.get(re.sub(r"\W", "_", f"GREENROOM_{model}_{what}").upper())


def engine_path(model: str, name: str) -> str:
    """``package.module:Class``; nothing is imported.

    Raises SetupError with the choices if no engine has the name.
    """
    if ":" in name:
        return name
    entry = _entry(model, name)
    return f"{entry.module}:{entry.attr}"


def stated_bytes(model: str, name: str, precision: str) -> int | None:
    """What the engine says that it will hold on the device, None if it says nothing.

    It says so by the function ``device_bytes`` of a module of that name beside the engine's, which
    is called with the precision ("" if none is chosen). Neither needs the engine's libraries.
    """
    package = engine_path(model, name).partition(":")[0].rpartition(".")[0]
    beside = f"{package}.device_bytes"
    try:
        if not package or find_spec(beside) is None:
            return None
        return int(import_module(beside).device_bytes(precision))
    except (GreenroomError, ImportError, OSError, ValueError, KeyError, TypeError):
        # What is wrong with the files, the load will say.
        return None


@cache
def lacking(model: str, name: str) -> tuple[str, ...]:
    """The packages that an engine needs and that are not installed in a version that fits."""
    if ":" in name:
        return ()
    entry = _entry(model, name)
    if entry.dist is None:
        return ()
    needed = _requirements(entry.dist, frozenset(entry.extras))
    return tuple(dict.fromkeys(str(one.name) for one in needed if not _met(one)))


def _entry(model: str, name: str) -> EntryPoint:
    group = f"{_GROUP}.{model}"
    installed = _installed(group)
    if name not in installed:
        choices = ", ".join([*sorted(installed), "package.module:Class"])
        raise SetupError(
            f"The engine of model {model!r} is {name!r}; it must be one of {choices}. "
            f"Installed packages offer engines by entry points of the group {group}."
        )
    return installed[name]


@cache  # each look reads a file of every installed package: 20 ms
def _installed(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
    """Those that the extras bring, with what they bring by other extras of the package."""
    own = canonicalize_name(package.name)
    for line in package.requires or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            continue
        if not any(needed.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if canonicalize_name(needed.name) == own:
            yield from _requirements(package, frozenset(needed.extras))
        else:
            yield needed


def _met(needed: Requirement) -> bool:
    try:
        return needed.specifier.contains(version(needed.name), prereleases=True)
    except PackageNotFoundError:
        return False

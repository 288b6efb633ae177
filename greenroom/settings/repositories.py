"""Settings that name model repositories: folders, never a store behind a URL."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

_URL = re.compile(r"[A-Za-z0-9]+://")


def _folder(given: Any) -> Any:
    if isinstance(given, str) and _URL.match(given):
        raise PydanticCustomError(
            "repository_url",
            "a model repository must be a folder, because Greenroom reads the models' configs "
            "itself; copy or mount the repository first",
        )
    if given == "":
        raise PydanticCustomError(
            "no_repository", "a model repository must be a folder; . is the current one"
        )
    return given


def _folders(given: Any) -> Any:
    if isinstance(given, str):
        # The colon of a URL parts nothing, so that the refusal shows the whole URL.
        given = [part for part in re.split(rf"{os.pathsep}(?!//)", given) if part]
    elif isinstance(given, Path):
        given = [given]
    return [_folder(part) for part in given] if isinstance(given, Iterable) else given


def _joined(folders: Iterable[Path]) -> str:
    return os.pathsep.join(map(str, folders))


Repository = Annotated[Path, BeforeValidator(_folder)]
Repositories = Annotated[
    tuple[Path, ...],
    NoDecode,
    BeforeValidator(_folders),
    PlainSerializer(_joined, when_used="json"),
]
"""One folder, or several with a colon between them, as in PATH."""

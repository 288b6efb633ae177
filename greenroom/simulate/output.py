"""Files that are written: never over what is read, and a failure is a sentence."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from greenroom.errors import InvalidInput


def check_apart(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """Raise InvalidInput for an output that is an input, or another output."""
    taken = {path.resolve(): name for name, path in inputs.items() if path}
    for option, path in outputs.items():
        if path and (name := taken.setdefault(path.resolve(), option)) != option:
            raise InvalidInput(f"{option} is {path}, which is {name} too; give another file.")


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """Raises InvalidInput for what fails."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise InvalidInput(f"{option} is {path}, which cannot be written: {why}.") from error

"""How a command fails: one sentence on stderr and exit code 1, no traceback."""

import contextlib
import sys
from collections.abc import Iterator

import typer
from pydantic import ValidationError

from greenroom.errors import GreenroomError


@contextlib.contextmanager
def failing_plainly() -> Iterator[None]:
    """Turn the errors that a user can meet into their sentences; wrong settings exit with 2."""
    try:
        yield
    except GreenroomError as error:
        print(f"greenroom: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            print(
                f"greenroom: GREENROOM_{name} is {fault['input']!r}: {fault['msg']}.",
                file=sys.stderr,
            )
        raise typer.Exit(2) from None

"""Errors as one sentence on stderr, never a traceback."""

from typing import Any

import typer
from typer.core import TyperGroup

from greenroom_client.cli.shown import printable
from greenroom_client.errors import GreenroomClientError


class PlainErrors(TyperGroup):
    """The group of all verbs; what a verb raises ends here."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb; 1 if it failed, 130 if it was interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except GreenroomClientError as error:
            raise _failed(str(error)) from None
        except Exception as error:
            # typer's own exceptions carry their exit code; a closed pipe is typer's to handle.
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort | BrokenPipeError):
                raise
            raise _failed(f"unexpected {type(error).__name__}: {error}") from None


def _failed(sentence: str) -> typer.Exit:
    typer.echo(f"greenroom: {printable(sentence)}", err=True)
    return typer.Exit(1)

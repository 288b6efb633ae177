"""Whether the commands of a document have the form that their programs want."""

import re
import shlex
from collections.abc import Iterator

import typer

from greenroom.settings import PROJECT
from greenroom_client.cli import app
from greenroom_client.cli.plugins import add_plugins

_COMMAND = r"(?:^|[;&|(]) *(?:\w+=\S* +)*"
_GREENROOM = re.compile(rf"{_COMMAND}(?:[\w./-]+/)?greenroom +(.+)")
_MAKE = re.compile(rf"{_COMMAND}make +([a-z]+)")


def greenroom_calls(shell: str) -> Iterator[list[str]]:
    """Find each call of the command line in a shell script: its words after the name."""
    for line in shell.replace("\\\n", " ").splitlines():
        if found := _GREENROOM.search(line):
            command = found[1].partition(" | ")[0].partition(" > ")[0]
            yield shlex.split(command, comments=True)


def make_targets(shell: str) -> list[str]:
    return [found[1] for line in shell.splitlines() if (found := _MAKE.search(line))]


def targets_of_makefile() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def fault(words: list[str]) -> str | None:
    """Return why the command line would refuse a call, None if it would not.

    That a file is not there does not count.
    """
    if "up" not in _verbs():
        add_plugins(app)
    command, rest = typer.main.get_command(app), list(words)
    while verbs := getattr(command, "commands", None):
        if rest[0] not in verbs:
            return f"there is no verb {rest[0]}"
        command = verbs[rest.pop(0)]
    try:
        command.make_context("greenroom", rest)
    except typer.Exit:
        return None
    except Exception as error:
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        return None if "does not exist" in said else said
    return None


def _verbs() -> set[str]:
    return {command.callback.__name__ for command in app.registered_commands if command.callback}

"""Arguments and options that several verbs share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from greenroom_client.errors import InvalidInput

STDOUT = Path("-")


def _writable(path: Path | None) -> Path | None:
    """Refuse before the request what could not be written after it."""
    if path is None or path == STDOUT:
        return path
    from greenroom_client.speech import format_of  # imports numpy

    try:
        format_of(path)
    except InvalidInput as error:
        raise typer.BadParameter(str(error)) from None
    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"the folder {path.absolute().parent} does not exist.")
    return path


Reference: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="REF",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Recording of the voice: wav, flac, mp3, ogg, ...",
    ),
]
Output: TypeAlias = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        dir_okay=False,
        callback=_writable,
        help="File to write: .wav, .flac, .ogg, .opus or .mp3.",
    ),
]
LiveOutput: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        dir_okay=False,
        callback=_writable,
        help="File to write: .wav, .flac, .ogg, .opus or .mp3; - writes a wav to standard output "
        "as it is made.",
    ),
]
KnownWords: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--transcript", metavar="TEXT", help="What REF says; if not given, it is recognised."
    ),
]
Language: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--language", "-l", metavar="LANGUAGE", help="Language of the text, such as en or zh."
    ),
]
AudioLanguage: TypeAlias = Annotated[
    str | None,
    typer.Option("--audio-language", metavar="LANGUAGE", help="Language of REF, such as en or zh."),
]
Seed: TypeAlias = Annotated[
    int | None,
    typer.Option("--seed", metavar="NUMBER", help="The same seed gives the same speech."),
]
Url: TypeAlias = Annotated[
    str, typer.Option("--url", metavar="URL", envvar="GREENROOM_URL", help="Address of the server.")
]
ApiKey: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        envvar="GREENROOM_API_KEY",
        show_envvar=True,
        help="API key, if the server needs one.",
    ),
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="Do not show progress.")]
Model: TypeAlias = Annotated[
    str, typer.Argument(metavar="MODEL", help="Name of the model, as `greenroom status` shows it.")
]

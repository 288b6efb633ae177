"""The verb that writes down what recordings say."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from greenroom_client.cli import options
from greenroom_client.cli.microphone import recorded
from greenroom_client.cli.progress import Phases
from greenroom_client.cli.session import Session
from greenroom_client.cli.shown import printable
from greenroom_client.defaults import DEFAULT_URL
from greenroom_client.errors import InvalidInput

Format = Literal["txt", "srt", "vtt", "json"]
MICROPHONE = "-"


def transcribe(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="REF",
            help="Recordings or videos of any length. - records from the microphone until Enter is "
            "pressed, or reads a pipe.",
        ),
    ],
    form: Annotated[
        Format, typer.Option("--format", "-f", help="Plain words, subtitles, or JSON with times.")
    ] = "txt",
    words: Annotated[
        bool, typer.Option("--words", help="Add the time of each word; needs --format json.")
    ] = False,
    translate: Annotated[
        bool, typer.Option("--translate", help="Translate into English, if the engine can.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            file_okay=False,
            exists=True,
            writable=True,
            help="Folder that gets one file for each REF. Without it, the words go to "
            "standard output.",
        ),
    ] = None,
    language: options.AudioLanguage = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Write down what each REF says, as text, subtitles or JSON with times.

    A REF that cannot be transcribed is reported; the others are still done.
    """
    if words and form != "json":
        raise typer.BadParameter("--words needs --format json; subtitles have their own times.")
    if len(files) > 1 and form != "txt" and output is None:
        raise typer.BadParameter(f"several files as {form} need --output, a folder for them.")
    missing = next((one for one in files if one != MICROPHONE and not Path(one).is_file()), None)
    if missing is not None:
        raise typer.BadParameter(f"REF: the file {missing!r} does not exist.")
    targets = _targets(files, form, output)
    session, refused = Session(url, api_key, quiet), False
    for number, file in enumerate(files, 1):
        content = recorded() if file == MICROPHONE else Path(file)
        of = f" {file} ({number} of {len(files)})" if len(files) > 1 else ""
        try:
            written = session.run(
                lambda client, content=content: client.transcribe_file(  # type: ignore[misc]
                    content, form, words=words, translate=translate, language=language
                ),
                Phases(("asr",), f"transcribing{of}"),
            )
        except InvalidInput as error:
            if not of:
                raise
            refused = True
            typer.echo(printable(f"greenroom: {file}: {error}"), err=True)
            continue
        if output is None:
            told = f"{file}: {written}" if of else written
            on_terminal = sys.stdout.isatty()
            sys.stdout.write(printable(told, kept="\n\t") if on_terminal else told)
        else:
            _save(targets[file], written)
    if refused:
        raise typer.Exit(1)


def _targets(files: list[str], form: str, output: Path | None) -> dict[str, Path]:
    """The file for each recording's words; no two have the same."""
    targets: dict[str, Path] = {}
    if output is None:
        return targets
    for file in files:
        name = "microphone" if file == MICROPHONE else Path(file).stem
        target = output / f"{name}.{form}"
        same = next((one for one, of in targets.items() if of == target and one != file), None)
        if same is not None:
            raise typer.BadParameter(f"REF: {same!r} and {file!r} would both become {target}.")
        targets[file] = target
    return targets


def _save(path: Path, written: str) -> None:
    path.write_text(written, encoding="utf-8")
    typer.echo(str(path))

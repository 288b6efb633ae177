"""The verbs for voices that the server keeps."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from greenroom_client.cli import options
from greenroom_client.cli.shown import cell, printable
from greenroom_client.defaults import DEFAULT_URL

app = typer.Typer(no_args_is_help=True, help="List, save and delete voices.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the voice.")]


@app.command("list")
def list_(url: options.Url = DEFAULT_URL, api_key: options.ApiKey = None) -> None:
    """Show the voices that can be used by name."""
    from greenroom_client.client import Client  # imports numpy and tritonclient

    table = Table("name", "language", "seconds", "words", box=None)
    with Client(url, api_key) as client:
        for voice in client.voices():
            seconds = f"{voice['seconds']:.1f}"
            shown = (voice["name"], voice["language"], seconds, voice["transcript"])
            table.add_row(*map(cell, shown))
    Console().print(table)


@app.command()
def add(
    name: Name,
    recording: options.Reference,
    consent: Annotated[
        str,
        typer.Option(
            "--consent", help="Who is speaking, and that this person agrees to be cloned."
        ),
    ],
    transcript: options.KnownWords = None,
    language: options.AudioLanguage = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
) -> None:
    """Save REF as the voice NAME."""
    from greenroom_client.client import Client

    with Client(url, api_key) as client:
        content = Path(recording).read_bytes()
        voice = client.save_voice(name, content, consent, transcript, language)
    saved = f"Saved {voice['name']}, {voice['seconds']:.1f} s: {voice['transcript']}"
    typer.echo(printable(saved))


@app.command()
def delete(name: Name, url: options.Url = DEFAULT_URL, api_key: options.ApiKey = None) -> None:
    """Delete the saved voice NAME."""
    from greenroom_client.client import Client

    with Client(url, api_key) as client:
        client.delete_voice(name)
    typer.echo(f"Deleted {name}.")

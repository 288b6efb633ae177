"""The verbs that make speech."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom_client.cli import options
from greenroom_client.cli.live_sound import player, standard_output
from greenroom_client.cli.progress import Phases
from greenroom_client.cli.session import Session
from greenroom_client.defaults import DEFAULT_URL

if TYPE_CHECKING:
    from greenroom_client.async_client import AsyncClient
    from greenroom_client.speech import Speech

SPEECH_MODELS = ("asr", "tokenizer", "tts")


def clone(
    reference: options.Reference,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    output: options.LiveOutput = None,
    play: Annotated[
        bool,
        typer.Option("--play", help="Play it while it is made, with ffplay, mpv, aplay or sox."),
    ] = False,
    transcript: options.KnownWords = None,
    language: options.Language = None,
    audio_language: options.AudioLanguage = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="Edit to apply to the cloned speech. Can be repeated if a file is written.",
        ),
    ] = None,
    task_info: Annotated[
        list[str] | None,
        typer.Option("--task-info", "-i", metavar="DETAIL", help="Detail of each task, in order."),
    ] = None,
    seed: options.Seed = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Say TEXT with the voice of REF. With --play or -o - the text may have any length."""
    started = time.monotonic()
    session = Session(url, api_key, quiet)
    if play or output == options.STDOUT:
        if play and output:
            raise typer.BadParameter("--play plays and writes no file; leave -o out.")
        if len(task or ()) > 1 or len(task_info or ()) > 1:
            raise typer.BadParameter("--play and -o - take only one --task.")
        fields: dict[str, str | None] = {
            "transcript": transcript,
            "language": language,
            "audio_language": audio_language,
            "task": next(iter(task or ()), None),
            "task_info": next(iter(task_info or ()), None),
        }
        _listen(
            session, play, lambda client: client.clone_stream(reference, text, seed=seed, **fields)
        )
        return
    if output is None:
        raise typer.BadParameter("--output or --play must say where the speech goes.")
    speech = session.run(
        lambda client: client.clone(
            reference,
            text,
            transcript=transcript,
            language=language,
            task=task,
            task_info=task_info,
            seed=seed,
            audio_language=audio_language,
        ),
        Phases(SPEECH_MODELS, "synthesising"),
    )
    _save(speech, output, started)


def edit(
    reference: options.Reference,
    task: Annotated[
        list[str],
        typer.Option(
            "--task",
            "-t",
            metavar="TASK",
            help="emotion, style, speed, paralinguistic, denoise or vad. Can be repeated.",
        ),
    ],
    output: options.Output,
    info: Annotated[
        list[str] | None,
        typer.Option(
            "--info",
            "-i",
            metavar="DETAIL",
            help="Detail of each task, in order, such as happy or 1.2.",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="The new words, for tasks that change them."),
    ] = None,
    transcript: options.KnownWords = None,
    language: options.Language = None,
    audio_language: options.AudioLanguage = None,
    seed: options.Seed = None,
    afresh: Annotated[
        bool,
        typer.Option(
            "--afresh",
            help="Analyse the audio again before each further edit; effects become stronger.",
        ),
    ] = False,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Change how REF sounds: emotion, style, speed, noise."""
    started = time.monotonic()
    speech = Session(url, api_key, quiet).run(
        lambda client: client.edit(
            reference,
            task,
            info,
            text=text,
            transcript=transcript,
            language=language,
            seed=seed,
            audio_language=audio_language,
            afresh=afresh,
        ),
        Phases(SPEECH_MODELS, "editing"),
    )
    _save(speech, output, started)


def _listen(
    session: Session, play: bool, ask: "Callable[[AsyncClient], AsyncIterator[Speech]]"
) -> None:
    """Play, or write to standard output, what comes as it comes."""

    async def heard(client: "AsyncClient") -> None:
        with player() if play else standard_output() as wav:
            async for piece in ask(client):
                wav.write(piece)

    session.run(heard, Phases(SPEECH_MODELS, "speaking"))


def _save(speech: "Speech", output: Path, started: float) -> None:
    speech.save(output)
    seed = f", seed {speech.seed}" if speech.seed else ""
    typer.echo(
        f"{output}: {speech.seconds:.2f} s of audio at {speech.sample_rate} Hz, "
        f"took {time.monotonic() - started:.1f} s{seed}"
    )

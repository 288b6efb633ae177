"""The verbs that make or read speech."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greenroom_client.cli import options
from greenroom_client.cli.progress import Phases
from greenroom_client.cli.session import Session
from greenroom_client.defaults import DEFAULT_URL

if TYPE_CHECKING:
    from greenroom_client.speech import Speech

SPEECH_MODELS = ("asr", "tokenizer", "tts")


def clone(
    reference: options.Reference,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to say.")],
    output: options.Output,
    transcript: options.KnownWords = None,
    language: options.Language = None,
    audio_language: options.AudioLanguage = None,
    task: Annotated[
        list[str] | None,
        typer.Option("--task", "-t", help="Edit to apply to the cloned speech; may be repeated."),
    ] = None,
    task_info: Annotated[
        list[str] | None, typer.Option("--task-info", "-i", help="Detail of each task, in order.")
    ] = None,
    seed: options.Seed = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Say TEXT with the voice of REF."""
    started = time.monotonic()
    speech = Session(url, api_key, quiet).run(
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
            help="emotion, style, speed, paralinguistic, denoise or vad; may be repeated.",
        ),
    ],
    output: options.Output,
    info: Annotated[
        list[str] | None,
        typer.Option("--info", "-i", help="Detail of each task, in order, such as happy or 1.2."),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="The new words, for tasks that change them.")
    ] = None,
    transcript: options.KnownWords = None,
    language: options.Language = None,
    audio_language: options.AudioLanguage = None,
    seed: options.Seed = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Change how REF is spoken."""
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
        ),
        Phases(SPEECH_MODELS, "editing"),
    )
    _save(speech, output, started)


def transcribe(
    reference: options.Reference,
    language: options.AudioLanguage = None,
    url: options.Url = DEFAULT_URL,
    api_key: options.ApiKey = None,
    quiet: options.Quiet = False,
) -> None:
    """Print the words of REF."""
    transcript = Session(url, api_key, quiet).run(
        lambda client: client.transcribe(reference, language), Phases(("asr",), "transcribing")
    )
    typer.echo(transcript.text)


def _save(speech: "Speech", output: Path, started: float) -> None:
    speech.save(output)
    typer.echo(
        f"{output}: {speech.seconds:.2f} s of audio at {speech.sample_rate} Hz, "
        f"took {time.monotonic() - started:.1f} s"
    )

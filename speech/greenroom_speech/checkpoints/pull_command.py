"""``greenroom pull``: the released checkpoints into a folder."""

from pathlib import Path

import typer

from greenroom.plugin import SetupError, failing_plainly
from greenroom_speech.checkpoints import releases as released
from greenroom_speech.checkpoints.options import Hub, Releases
from greenroom_speech.checkpoints.releases import Release
from greenroom_speech.checkpoints.source import Source
from greenroom_speech.settings import EngineSettings

_EDITX = (Releases.ALL, Releases.STEP_AUDIO, Releases.STEP_AUDIO_EDITX)
_TOKENIZER = (
    Releases.ALL,
    Releases.STEP_AUDIO,
    Releases.STEP_AUDIO_AWQ,
    Releases.STEP_AUDIO_TOKENIZER,
)
_WHISPER = (Releases.ALL, Releases.WHISPER)


def run(
    what: Releases, models: Path | None, hub: Hub, revision: str | None, whisper: str | None
) -> None:
    """Fetch what is missing; exits with 1 if something could not be had."""
    if revision and what in (Releases.WHISPER, Releases.KOKORO):
        raise typer.BadParameter("The checkpoints of Whisper and Kokoro have no revisions.")
    with failing_plainly():
        settings = EngineSettings()
        releases = _releases(what, whisper or settings.whisper_model)
        sources = _sources(hub)
        from greenroom_speech.checkpoints.pull import Pull

        Pull(models or settings.models, sources, revision, typer.echo).run(releases)
        for note in (release.note for release in releases if release.note):
            typer.echo(note)


def _releases(what: Releases, whisper: str) -> list[Release]:
    releases = [released.EDITX] if what in _EDITX else []
    if what is Releases.STEP_AUDIO_AWQ:
        releases += [released.EDITX_AWQ, released.EDITX_BESIDE]
    releases += [released.TOKENIZER] if what in _TOKENIZER else []
    releases += [released.KOKORO] if what is Releases.KOKORO else []
    releases += [released.released_whisper(whisper)] if what in _WHISPER else []
    return releases


def _sources(hub: Hub) -> list[Source]:
    """In the order in which they are asked. Raises SetupError without the hubs' libraries."""
    try:
        from greenroom_speech.checkpoints.hugging_face import HuggingFace
        from greenroom_speech.checkpoints.model_scope import ModelScope
        from greenroom_speech.checkpoints.openai_storage import OpenAIStorage
    except ImportError as error:
        raise SetupError(
            f"greenroom pull needs {error.name}: pip install 'greenroom-speech[production]'."
        ) from None
    if hub is Hub.HUGGING_FACE:
        return [HuggingFace(), OpenAIStorage()]
    if hub is Hub.MODELSCOPE:
        return [ModelScope(), OpenAIStorage()]
    return [HuggingFace(), OpenAIStorage(), ModelScope()]

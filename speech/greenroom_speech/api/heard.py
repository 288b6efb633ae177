"""What is wanted of a recording, and what was heard in a piece of it."""

from dataclasses import dataclass

from greenroom_speech.engines.times import Timed


@dataclass(frozen=True)
class TranscriptionOptions:
    """What is wanted of a recording."""

    language: str | None = None
    """None: the engine detects it, if it can."""
    prompt: str = ""
    """Words before, or words that are likely."""
    task: str = ""
    """A value of ASR_TASK; empty: the engine's own."""
    timed: bool = False


@dataclass(frozen=True)
class HeardPassage:
    """What is said in one piece; all together are the transcript."""

    text: str
    """Empty where nobody speaks."""
    words: tuple[Timed, ...] = ()
    segments: tuple[Timed, ...] = ()
    """Both only where times are wanted, in seconds of the recording."""

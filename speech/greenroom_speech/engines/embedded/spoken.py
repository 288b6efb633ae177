"""From stretches of speech to the phrases of an answer: levelled, edited, bounded."""

from collections.abc import Iterator, Sequence

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.audio_input import recording
from greenroom_speech.engines.embedded.edits import Edit
from greenroom_speech.engines.embedded.loudness import Levelling, levelled
from greenroom_speech.engines.embedded.voice_profile import VOICED, VoiceProfile
from greenroom_speech.engines.embedded.world import FRAMES_PER_SECOND, RATE, Floats
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.speaking import Phrases
from greenroom_speech.engines.tasks import Order
from greenroom_speech.engines.text_input import UNSPEAKABLE
from greenroom_speech.settings import EngineSettings

NOTHING = np.zeros(0)
PROMPT = ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
LEAST_VOICED_SECONDS = 0.2

Spoken = Iterator[tuple[Floats, bool]]
"""Stretches of speech at 24 kHz, not yet levelled, and whether each is the last; empty ones were
work."""


def finished(spoken: Spoken, edits: Sequence[Edit], rms: float) -> Phrases:
    """Brought to an active RMS; edits are made to the whole."""
    return _edited(spoken, edits, rms) if edits else _levelled(spoken, rms)


def recorded(request: Tensors, order: Order, settings: EngineSettings) -> Floats:
    """The recording that an order without a clone edits, at 24 kHz. Raises InvalidInput."""
    task = order.steps[0].task
    if order.text is not None:
        raise InvalidInput(
            f"TEXT is given but TASK begins with {task!r}, which keeps the words; "
            "put 'clone' first or leave TEXT out."
        )
    for name in ("AUDIO", "SAMPLE_RATE"):
        if name not in request:
            raise InvalidInput(f"input {name} is missing; the task {task!r} edits AUDIO.")
    samples, rate = recording(request, settings, settings.max_edit_seconds)
    return resampled(samples, rate, RATE).astype(np.float64)


def check_length(samples: int, settings: EngineSettings) -> None:
    """Raises InvalidInput when so many samples are more than one request may ask for."""
    seconds, most = samples / RATE, settings.max_speech_seconds
    if seconds > most:
        raise InvalidInput(
            f"TEXT takes {seconds:.0f} s or more to say; it may take at most {most:g} s."
        )


def check_voiced(profile: VoiceProfile) -> None:
    """Raises InvalidInput for a reference in which hardly anything is voiced."""
    seconds = np.count_nonzero(profile.kinds == VOICED) / FRAMES_PER_SECOND
    if seconds < LEAST_VOICED_SECONDS:
        raise InvalidInput(
            f"AUDIO has {seconds:.2f} s of voiced speech; "
            f"a clone needs at least {LEAST_VOICED_SECONDS:g} s."
        )


def unspeakable(text: str, language: str) -> InvalidInput:
    return InvalidInput(f"TEXT is {text[:40]!r}; {UNSPEAKABLE} in {language!r}.")


def _levelled(spoken: Spoken, rms: float) -> Phrases:
    level = Levelling(rms)
    for part, last in spoken:
        yield level(part) if part.size else part.astype(np.float32), last


def _edited(spoken: Spoken, edits: Sequence[Edit], rms: float) -> Phrases:
    """Edits are made to the whole, one in each step."""
    nothing = np.zeros(0, np.float32)
    parts = []
    for part, _ in spoken:
        parts.append(part)
        yield nothing, False
    whole = np.concatenate(parts)
    for edit in edits:
        whole = edit(whole)
        yield nothing, False
    yield levelled(whole, rms), True

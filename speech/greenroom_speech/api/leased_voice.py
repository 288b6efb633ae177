"""One utterance: the models held, text going in and sound coming out."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np

from greenroom.plugin import AppLease, Array, GreenroomError, InvalidInput, Tensors
from greenroom_speech.api.openai_errors import of_recording
from greenroom_speech.api.pauses import Pauses
from greenroom_speech.api.tensor_fields import one_text, text
from greenroom_speech.api.verification import Verification
from greenroom_speech.codec.recording import Recording
from greenroom_speech.engines.seeds import draw_seed, seed_used
from greenroom_speech.engines.text_input import UNSPEAKABLE
from greenroom_speech.reading.pieces import Said

SPEECH, TTS = "speech", "tts"


@dataclass(frozen=True)
class SoundPart:
    """Sound, or the end of what says a piece of text."""

    said: Said
    sound: Recording | None
    """None: this piece of text has been said."""
    seed: int | None = None
    """Gives the sound again; None where the model does not tell."""
    warnings: Sequence[str] = ()
    """What was wrong with this piece of text; with its end."""


@dataclass
class LeasedVoice:
    """A voice that speaks under a lease."""

    lease: AppLease
    model: str
    """The ensemble, or tts alone for a voice of its engine."""
    inputs: Tensors
    """Those of the model, but for the text and the transcript."""
    transcript: str | None
    """The words of the reference; None until they are recognised, with the first sound."""
    most_seconds: float
    """Of all that is said."""
    warnings: list[str] = field(default_factory=list)
    """What the listener should know, as far as it is known."""
    verification: Verification | None = None
    """Hears each sentence before it is handed over; None: nobody does."""
    recording_field: str = "voice"
    """Of the request, which brought the recording."""
    seed: int | None = None
    """Gives the same again, 0 where the engine draws nothing; None until the first sound."""

    async def spoken(
        self, words: str | None = None, seed: int | None = None
    ) -> AsyncGenerator[Recording, None]:
        """The sound of one walk, in pieces; without words the inputs tell what is said.

        ``seed`` is another one than that of the inputs.
        """
        more = {"TEXT": words, "TRANSCRIPT": self.transcript}
        given = {name: text(value) for name, value in more.items() if value is not None}
        if seed is not None:
            given["SEED"] = seed_used(seed)
        stream = self.lease.stream(self.model, {**self.inputs, **given})
        try:
            async with aclosing(stream) as pieces:
                async for piece in pieces:
                    yield self._sound(piece.tensors)
        except GreenroomError as error:
            raise of_recording(error, self.recording_field) from None

    def _sound(self, tensors: Tensors) -> Recording:
        """Of a piece; what it tells beside is kept."""
        if (heard := tensors.get("PROMPT_TRANSCRIPT")) is not None:
            self.transcript = one_text(heard)
        self._warn(tensors.get("WARNING"))
        if (used := tensors.get("SEED_USED")) is not None:
            self.seed = int(used.reshape(-1)[0])
        return Recording(tensors["WAVEFORM"], int(tensors["WAVEFORM_RATE"][0]))

    async def whole(self, words: str | None = None, seed: int | None = None) -> Recording:
        """The sound of one walk at once."""
        async with aclosing(self.spoken(words, seed)) as pieces:
            sounds = [piece async for piece in pieces]
        samples = np.concatenate([np.zeros(0, np.float32), *(sound.samples for sound in sounds)])
        return Recording(samples, sounds[0].rate)

    async def _verified(
        self, words: str, verification: Verification
    ) -> AsyncGenerator[Recording, None]:
        """The best draw; further ones are drawn while too many words are wrong."""
        best: tuple[int, int, Recording] | None = None
        asked = int(self.inputs["SEED"].reshape(-1)[0])
        used: int | None = None
        for draw in range(verification.rule.redraws + 1):
            sound = await self.whole(words, draw_seed(asked, draw))
            used = self.seed if used is None else used
            wrong, wanted = await verification.errors(words, sound)
            if best is None or wrong < best[0]:
                best = wrong, wanted, sound
            # Seed 0: the engine draws nothing, so it would say the same again.
            if not verification.is_bad(wrong, wanted) or not self.seed:
                break
        assert best is not None
        # The seed that was asked for has the same further draws.
        self.seed = used
        wrong, wanted, sound = best
        if verification.is_bad(wrong, wanted):
            self.warnings.append(
                f"{wrong} of {wanted} words were recognised differently from the text."
            )
        verification.accept(wrong, wanted)
        yield sound

    def _sounds(self, words: str) -> AsyncGenerator[Recording, None]:
        if self.verification is None:
            return self.spoken(words)
        return self._verified(words, self.verification)

    async def said(self, texts: AsyncIterable[Said]) -> AsyncGenerator[SoundPart, None]:
        """The sound of all texts one after another, with the pauses between.

        One that the engine cannot say is left out with a warning; if there is no other, it is
        refused.
        """
        pauses, pause, seconds = Pauses(), 0.0, 0.0
        left_out: GreenroomError | None = None
        async for one in texts:
            known = len(self.warnings)
            # Now, as a header tells what is known when the first sound comes.
            if one.unsaid:
                self.warnings.append(f"{one.unsaid[:40]!r} was left out: {UNSPEAKABLE}.")
            try:
                async with aclosing(self._sounds(one.spoken or one.text)) as sounds:
                    async for sound in sounds:
                        paused = pauses.before(sound, pause)
                        self.lease.added(paused.seconds - sound.seconds)
                        pauses.heard(sound)
                        pause, seconds = 0.0, seconds + paused.seconds
                        self._check(seconds)
                        yield SoundPart(one, paused, self.seed)
            except GreenroomError as error:
                left_out = only_unspeakable(error)
                self.warnings[known:] = [f"{one.text[:40]!r} was left out: {UNSPEAKABLE}."]
            yield SoundPart(one, None, self.seed, self.warnings[known:])
            pause = one.pause if seconds else 0.0
        if left_out and not seconds:
            raise left_out

    def _warn(self, told: Array | None) -> None:
        sentence = "" if told is None else one_text(told)
        if sentence and sentence not in self.warnings:
            self.warnings.append(sentence)

    def _check(self, seconds: float) -> None:
        if seconds > self.most_seconds:
            raise InvalidInput(
                f"input takes more than {self.most_seconds:g} s to say, the most that one request "
                "may take (max_speech_seconds_per_request)."
            )


def only_unspeakable(error: GreenroomError) -> GreenroomError:
    """The error again; raises it where it says anything but that a text has no sound."""
    if UNSPEAKABLE not in str(error):
        raise error
    return error

"""One request on its way to sound, whole or piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from greenroom.errors import InvalidInput
from greenroom.managed.engine import text
from greenroom.managed.stepped_engine import Piece, Row
from greenroom_speech.engines.seeds import seed_used
from greenroom_speech.engines.step_audio.faults import QUIET_LEVEL, QuietWatch
from greenroom_speech.engines.step_audio.flow_places import FlowPlace, FlowPlaces
from greenroom_speech.engines.step_audio.joining import Wave, after_pause, before_pause, join
from greenroom_speech.engines.step_audio.passage import Passage, PassageModel
from greenroom_speech.engines.step_audio.turns import Turns
from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work
from greenroom_speech.engines.step_audio.vocoder.speech_stream import SpeechStream
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder

LEAST_SECONDS = 0.3
"""Sound in the first piece of a stream."""
SILENT = "it fell silent"


@dataclass(frozen=True)
class SeededVoice:
    """Who speaks, and by what seed."""

    prompt: VoicePrompt
    key: bytes
    """The same for the same prompt."""
    seed: int


class SpeechRow(Row):
    """What all rows have: passages, and sound that has not been taken."""

    def __init__(
        self, language: PassageModel, vocoder: Vocoder, turns: Turns, voice: SeededVoice
    ) -> None:
        self._vocoder, self._voice = vocoder, voice
        self._passages = [
            Passage(language, turns, number, voice.seed) for number in range(len(turns.pieces))
        ]
        self._language, self._edited_seconds = language, turns.edited_seconds
        self._most_seconds = language.settings.max_speech_seconds
        self.warnings: list[str] = []
        """Sentences for who gets the next piece."""
        self._made: list[Wave] = []
        self._samples = 0
        self._taken = False

    @property
    def is_being_said(self) -> bool:
        """The language model is at one of its passages."""
        return any(passage.decoding is not None for passage in self._passages)

    @property
    def first_sound_is_made(self) -> bool:
        """Its first piece is in work and needs nothing more of the language model."""
        return False

    def wanting(self) -> Iterator[Passage]:
        """Passages that could be said now."""
        raise NotImplementedError

    def hear(self) -> None:
        """Take what the language model has said; raises what went wrong."""
        for passage in self._passages:
            passage.hear()
            if passage.fault and not self._may_sound(passage):
                passage.draw_again()

    def _may_sound(self, passage: Passage) -> bool:
        """Some of what it says now may have been heard already."""
        return False

    def _quiet_watch(self) -> QuietWatch | None:
        """For one utterance; None: nothing is checked."""
        if not self._language.checks:
            return None
        return QuietWatch(self._vocoder.rate, self._edited_seconds)

    def work(self) -> bool:
        """Do one piece of the vocoder's work; False: there is nothing to do yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back all that it holds."""
        for passage in self._passages:
            passage.leave()

    @property
    def ready(self) -> bool:
        """Whether there is sound to hand over; of the first piece, whether it is worth it."""
        if not self._made:
            return False
        if self._taken or self.done:
            return True
        waiting = np.concatenate(self._made)
        long = len(waiting) >= LEAST_SECONDS * self._vocoder.rate
        return long and bool(np.abs(waiting).max() > QUIET_LEVEL)

    def take(self, whole: bool) -> Piece:
        """Hand over all that was made since the last time."""
        wave = np.concatenate([np.zeros(0, np.float32), *self._made])
        self._made, self._taken = [], True
        rate = np.array([self._vocoder.rate], dtype=np.int32)
        seconds = len(wave) / self._vocoder.rate
        tensors = {
            "WAVEFORM": wave,
            "WAVEFORM_RATE": rate,
            "SEED_USED": seed_used(self._voice.seed),
            "WARNING": text(" ".join(self.warnings)),
        }
        self.warnings = []
        return Piece(tensors, seconds)

    def _add(self, wave: Wave) -> None:
        self._made.append(wave)
        self._samples += len(wave)
        seconds = self._samples / self._vocoder.rate
        if seconds > self._most_seconds:
            raise InvalidInput(
                f"TEXT takes {seconds:.0f} s or more to say; "
                f"it may take at most {self._most_seconds:g} s."
            )


class WholeSpeech(SpeechRow):
    """Nobody takes a piece before the end: each passage's sound is made from all its codes."""

    def __init__(
        self, language: PassageModel, vocoder: Vocoder, turns: Turns, voice: SeededVoice
    ) -> None:
        super().__init__(language, vocoder, turns, voice)
        self._waves: list[Wave] = []
        self._work: Work | None = None

    def wanting(self) -> Iterator[Passage]:
        """Any passage."""
        return (passage for passage in self._passages if passage.wanted() is not None)

    def work(self) -> bool:
        """An Euler step of a whole passage, for example."""
        passage = self._passages[len(self._waves)]
        if not passage.ended:
            return False
        voice = self._voice
        self._work = self._work or self._vocoder.utterance(passage.codes, voice.prompt, voice.seed)
        try:
            next(self._work)
        except StopIteration as end:
            self._work = None
            wave, watch = end.value.cpu().numpy(), self._quiet_watch()
            if watch and (watch.add(wave) or watch.is_silence):
                passage.reject(SILENT)
                passage.draw_again()
                return True
            self._waves.append(wave)
        if len(self._waves) == len(self._passages):
            self._add(join(self._waves, self._vocoder.rate))
            self.done = True
        return True


class StreamedSpeech(SpeechRow):
    """Sound comes chunk by chunk, passage after passage, while their codes are being said."""

    def __init__(
        self,
        language: PassageModel,
        vocoder: Vocoder,
        turns: Turns,
        voice: SeededVoice,
        places: FlowPlaces,
        shared: bool,
    ) -> None:
        super().__init__(language, vocoder, turns, voice)
        self._places, self._shared = places, shared
        self._place: FlowPlace | None = None
        self._stream: SpeechStream | None = None
        self._pushed = self._spoken = 0
        self._held: list[Wave] = []
        """Quiet at the beginning of a passage: it is sent with the first sound after it."""
        self._sent = False
        """Some of the passage can be heard."""
        self._watch = self._quiet_watch()

    @property
    def first_sound_is_made(self) -> bool:
        """As for all."""
        return not self._samples and self._stream is not None and self._stream.making

    def wanting(self) -> Iterator[Passage]:
        """One passage at a time, in their order."""
        saying = next((passage for passage in self._passages if not passage.ended), None)
        return iter([saying] if saying is not None and saying.wanted() is not None else [])

    def _may_sound(self, passage: Passage) -> bool:
        """Which chunks come before a fault depends on the codes alone, not on who is the faster."""
        return passage.sounds

    def work(self) -> bool:
        """An Euler step of one chunk, for example."""
        passage = self._passages[self._spoken]
        codes = passage.codes
        stream = self._stream or self._begun(bool(codes))
        if stream is None and codes:
            return False
        if stream is not None:
            stream.push(codes[self._pushed :], last=passage.ended)
            self._pushed = len(codes)
        if stream is not None and stream.ready:
            chunk = stream.advance()
            if chunk is not None:
                self._checked(passage, chunk.cpu().numpy(), last=stream.done)
            return True
        if passage.fault is None:
            return False
        if self._sent and stream is not None:
            self.warnings.append(passage.cut())
            stream.cut()
        else:
            self._draw_again(passage)
        return True

    def close(self) -> None:
        """Give back its place too."""
        super().close()
        self._leave_place()

    def _leave_place(self) -> None:
        if self._place is not None:
            self._places.give_back(self._place)
            self._place = None

    def _begun(self, has_codes: bool) -> SpeechStream | None:
        """The sound of the next passage, if there is a place for it."""
        if not (has_codes or self._shared):
            return None
        self._place = self._place or self._places.take(self._voice.key)
        if self._place is not None:
            flow = self._places.flow(self._place, self._voice.key, self._voice.prompt)
            self._stream = self._vocoder.stream(flow, self._voice.seed, self._shared)
        return self._stream

    def _checked(self, passage: Passage, chunk: Wave, last: bool) -> None:
        """Say what may be heard."""
        watch = self._watch
        self._held.append(chunk)
        if watch is None or not (watch.add(chunk) or (last and watch.is_silence)):
            if watch is None or watch.sounded or last:
                self._say(np.concatenate(self._held), last)
            return
        passage.reject(SILENT)
        if self._sent:
            self.warnings.append(passage.cut())
            self._say(np.zeros(0, np.float32), last=True)
        else:
            self._draw_again(passage)

    def _draw_again(self, passage: Passage) -> None:
        passage.draw_again()
        self._next_utterance()

    def _next_utterance(self) -> None:
        self._stream, self._pushed, self._held, self._sent = None, 0, [], False
        self._watch = self._quiet_watch()

    def _say(self, chunk: Wave, last: bool) -> None:
        rate, more = self._vocoder.rate, self._spoken + 1 < len(self._passages)
        if last and more:
            chunk = before_pause(chunk, rate)
        if self._spoken and not self._sent:
            chunk = after_pause(chunk, rate)
        # Where two chunks fade into each other they can add up to a little more than 1.
        self._add(np.clip(chunk, -1, 1))
        self._held, self._sent = [], True
        if last:
            self._spoken += 1
            self._next_utterance()
            self.done = not more
        if self.done:
            self._leave_place()

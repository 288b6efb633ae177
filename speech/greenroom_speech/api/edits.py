"""POST /v1/audio/edits: a recording in, a sound out.

denoise and vad need no words, so nobody listens for them; other edits are told the words that are
known, and hear a recording that is too long for asr in windows.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

import numpy as np
from fastapi import APIRouter, Request, Response

from greenroom_speech.api.ahead import one_ahead
from greenroom_speech.api.answers import ERRORS
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.heard import TranscriptionOptions
from greenroom_speech.api.leased_voice import LeasedVoice
from greenroom_speech.api.listening import RecordingListener
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.openapi import AUDIO_ANSWER, body_of, checked
from greenroom_speech.api.pipeline import GrowingSpeech, Pipeline, Script, audio_inputs
from greenroom_speech.api.recording_requests import EditRequest
from greenroom_speech.api.request_body import fields_of
from greenroom_speech.api.sound_answer import SoundAnswer, SoundOptions
from greenroom_speech.api.tensor_fields import tensors_of
from greenroom_speech.api.timing import Timing
from greenroom_speech.codec.decoder import Decoder
from greenroom_speech.codec.limits import WINDOW_SECONDS
from greenroom_speech.codec.pauses import pieces
from greenroom_speech.codec.recording import Recording, Samples
from greenroom_speech.engines.audio_input import SILENCE_PEAK
from greenroom_speech.engines.seeds import new_seed, seed_used
from greenroom_speech.settings import EngineSettings

WORDLESS = ("denoise", "vad")
"""Edits that need no words."""
_OUT_RATE = 24_000
"""Of a part in which nobody speaks: that of all engines."""
IN_PARTS = (*WORDLESS, "speed")
"""Edits that can be made part by part."""


@dataclass(frozen=True)
class Editor:
    """Reads what is to be edited, and has it edited."""

    pipeline: Pipeline
    decoder: Decoder
    listener: RecordingListener
    settings: EngineSettings
    most_seconds: float
    """Of a recording that is edited in parts."""

    @asynccontextmanager
    async def edited(self, asked: EditRequest) -> AsyncIterator[GrowingSpeech]:
        """As `Pipeline.speech`. Raises what reading, hearing and editing raise."""
        whole, in_parts = self.settings.max_edit_seconds, asked.task in IN_PARTS
        longest = self.most_seconds if in_parts else whole
        async with self.decoder.opened(asked.file, "file", longest) as sound:
            windows, begun = sound.windows(), list[Samples]()
            async for window in windows:
                begun.append(window)
                if sum(map(len, begun)) > whole * sound.rate:
                    source = _after(begun, windows)
                    async with self._parts(asked, source, sound.rate) as speech:
                        yield speech
                    return
            recording = Recording(np.concatenate(begun), sound.rate)
        async with self._whole(asked, recording) as speech:
            yield speech

    @asynccontextmanager
    async def _whole(
        self, asked: EditRequest, recording: Recording
    ) -> AsyncIterator[GrowingSpeech]:
        script = _script(recording, await self._words(asked, recording), asked)
        times = asked.n_edits if asked.chain == "afresh" else 1
        async with self.pipeline.speaking(script) as speaking:
            for _ in range(times - 1):
                speaking = await _afresh(speaking, asked)
            async with one_ahead(speaking.spoken()) as sounds:
                yield GrowingSpeech(Timing.of(speaking.lease), sounds, speaking)

    @asynccontextmanager
    async def _parts(
        self, asked: EditRequest, windows: AsyncIterator[Samples], rate: int
    ) -> AsyncIterator[GrowingSpeech]:
        """Cut at pauses, each part edited by itself and heard by itself where words are needed."""
        if asked.transcript is not None and asked.task not in WORDLESS:
            raise InvalidField(
                f"transcript is given and file lasts more than {self.settings.max_edit_seconds:g} "
                "s; such a file is cut into parts that are transcribed one by one, so "
                "leave transcript out.",
                "transcript",
            )
        words = "" if asked.task in WORDLESS else None
        longest = min(self.settings.max_audio_seconds, WINDOW_SECONDS)
        silence = Recording(np.zeros(rate, np.float32), rate)
        script = _script(silence, words, asked)
        held = round((self.settings.max_edit_seconds + 2 * WINDOW_SECONDS) * rate) * 4
        async with AsyncExitStack() as stack:
            stack.enter_context(self.decoder.held.hold(held))
            speaking = await stack.enter_async_context(self.pipeline.speaking(script))
            edited = _edited_parts(
                speaking, pieces(windows, rate, longest), rate, asked.task == "vad"
            )
            async with one_ahead(edited) as sounds:
                yield GrowingSpeech(Timing.of(speaking.lease), sounds, speaking)

    async def _words(self, asked: EditRequest, recording: Recording) -> str | None:
        """Those that are known; None: the ensemble hears them."""
        if asked.task in WORDLESS:
            return ""
        if asked.transcript is not None or recording.seconds <= self.settings.max_audio_seconds:
            return asked.transcript
        async with self.listener.opened(asked.file, TranscriptionOptions()) as hearing:
            return "".join([passage.text async for passage in hearing.passages()])


async def _afresh(speaking: LeasedVoice, asked: EditRequest) -> LeasedVoice:
    """Edit once; the result is what is analysed and edited next."""
    sound = await speaking.whole()
    words = asked.text if asked.text is not None else speaking.transcript
    inputs = {**speaking.inputs, **audio_inputs(sound)}
    return replace(speaking, inputs=inputs, transcript=words)


async def _edited_parts(
    speaking: LeasedVoice, parts: AsyncGenerator[Samples, None], rate: int, drops_silence: bool
) -> AsyncGenerator[Recording, None]:
    words = speaking.transcript
    async with aclosing(parts):
        async for part in parts:
            if np.abs(part).max(initial=0.0) < SILENCE_PEAK:
                if not drops_silence:
                    quiet = round(len(part) / rate * _OUT_RATE)
                    yield Recording(np.zeros(quiet, np.float32), _OUT_RATE)
                continue
            # A part's memory is that of the next one too.
            lasting = np.pad(part, (0, max(0, rate // 2 - len(part))))
            inputs = {**speaking.inputs, **audio_inputs(Recording(lasting, rate))}
            own = replace(speaking, inputs=inputs, transcript=words)
            async with aclosing(own.spoken()) as sounds:
                async for sound in sounds:
                    speaking.seed, speaking.transcript = own.seed, ""
                    yield sound


async def _after(begun: list[Samples], windows: AsyncIterator[Samples]) -> AsyncIterator[Samples]:
    """What has been read, and what has not."""
    while begun:
        yield begun.pop(0)
    async for window in windows:
        yield window


def _script(recording: Recording, words: str | None, asked: EditRequest) -> Script:
    tensors = {"SEED": seed_used(new_seed()), **tensors_of(asked), **asked.tasks()}
    return Script(recording, words, tensors, recording_field="file")


def edits_routes(editor: Editor, formats: Formats) -> APIRouter:
    router = APIRouter(tags=["speech"])

    @router.post(
        "/v1/audio/edits",
        response_class=Response,
        responses={200: AUDIO_ANSWER, **ERRORS},
        openapi_extra=body_of(EditRequest, "multipart/form-data", "application/json"),
    )
    async def edits(request: Request) -> Response:
        """Change how a recording sounds, or what it says."""
        asked = checked(EditRequest, await fields_of(request))
        return SoundAnswer(editor.edited(asked), formats, SoundOptions(asked.response_format))

    return router

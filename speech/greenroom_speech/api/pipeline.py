"""What a request of /v1 runs: asr, tokenizer and tts one after another under one lease.

The ensemble ``speech`` does the same in one call; here the steps are called one by one, so
that each one's seconds can be told, and a transcript that is known costs nothing.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from greenroom_speech.api.model_calls import Array, ModelCalls, text, words
from greenroom_speech.decoder.recording import Recording

from greenroom.controller.controller import Controller
from greenroom.controller.leases import WhileWaiting
from greenroom.gateway.lease import Leased
from greenroom.residency.model import coldest

SPEECH, ASR, TOKENIZER, TTS = "speech", "asr", "tokenizer", "tts"
PROTOCOL = "openai"

_Answer = TypeVar("_Answer")


@dataclass
class Timing:
    """How a request went: told in the answer's headers."""

    start: str
    """cold, warm or hot: the coldest of its models when it asked."""
    waited: float = 0.0
    """Seconds until it had its lease."""
    stages: dict[str, float] = field(default_factory=dict)
    """Seconds of each model's call."""

    def headers(self) -> dict[str, str]:
        """Return the response headers; Server-Timing is shown by browsers."""
        stages = {"wait": self.waited, **self.stages}
        timing = ", ".join(f"{name};dur={1000 * seconds:.1f}" for name, seconds in stages.items())
        return {
            "X-Greenroom-Start": self.start,
            "X-Greenroom-Wait-Seconds": f"{self.waited:.3f}",
            "Server-Timing": timing,
        }


@dataclass(frozen=True)
class Script:
    """What is to be said or changed, in the terms of the models' inputs."""

    reference: Recording
    transcript: str | None = None
    """Words of the reference; None: they are recognised."""
    text: str | None = None
    language: str | None = None
    tasks: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    seed: int | None = None

    def tts_inputs(self) -> dict[str, Array]:
        """Return the inputs of tts that do not come from another model."""
        inputs: dict[str, Array] = {}
        if self.tasks:
            inputs |= {"TASK": text(*self.tasks), "TASK_INFO": text(*self.infos)}
        if self.text is not None:
            inputs["TEXT"] = text(self.text)
        if self.language:
            inputs["LANGUAGE"] = text(self.language)
        if self.seed is not None:
            inputs["SEED"] = np.array([self.seed], np.int64)
        return inputs


@dataclass(frozen=True)
class Heard:
    """What asr recognised."""

    transcript: str
    language: str


@dataclass(frozen=True)
class Spoken:
    """A waveform and the words of its reference."""

    recording: Recording
    transcript: str


class Pipeline:
    """Runs requests under leases, like the other doors of the gateway."""

    def __init__(self, controller: Controller, leased: Leased, calls: ModelCalls) -> None:
        self._controller = controller
        self._leased = leased
        self._calls = calls

    async def speak(self, script: Script, while_waiting: WhileWaiting) -> tuple[Spoken, Timing]:
        """Return the waveform that the script asks for."""
        timing = self._timing(SPEECH)

        async def work() -> Spoken:
            audio = _audio(script.reference)
            transcript = script.transcript
            if transcript is None:
                transcript = (await self._hear(audio, None, timing)).transcript
            prompt = await self._stage(TOKENIZER, audio, timing)
            inputs = {**prompt, **script.tts_inputs(), **audio, "TRANSCRIPT": text(transcript)}
            spoken = await self._stage(TTS, inputs, timing)
            rate = int(spoken["WAVEFORM_RATE"][0])
            return Spoken(Recording(spoken["WAVEFORM"], rate), transcript)

        return await self._under_lease(SPEECH, script.reference, timing, work, while_waiting)

    async def hear(
        self, reference: Recording, language: str | None, while_waiting: WhileWaiting
    ) -> tuple[Heard, Timing]:
        """Return the words of a recording."""
        timing = self._timing(ASR)

        async def work() -> Heard:
            return await self._hear(_audio(reference), language, timing)

        return await self._under_lease(ASR, reference, timing, work, while_waiting)

    async def analyse(self, reference: Recording, while_waiting: WhileWaiting) -> Timing:
        """Analyse a recording ahead; tokenizer keeps the result for the requests that use it."""
        timing = self._timing(TOKENIZER)

        async def work() -> None:
            await self._stage(TOKENIZER, _audio(reference), timing)

        _, timing = await self._under_lease(TOKENIZER, reference, timing, work, while_waiting)
        return timing

    def _timing(self, model: str) -> Timing:
        models = self._controller.stage.models
        needs = (*self._controller.entry(model).steps, model)
        return Timing(coldest([models[name] for name in needs]))

    async def _under_lease(
        self,
        model: str,
        reference: Recording,
        timing: Timing,
        work: Callable[[], Awaitable[_Answer]],
        while_waiting: WhileWaiting,
    ) -> tuple[_Answer, Timing]:
        asked = time.perf_counter()

        async def timed() -> _Answer:
            timing.waited = time.perf_counter() - asked
            return await work()

        answer = await self._leased.run(
            model, PROTOCOL, reference.samples.nbytes, timed, while_waiting=while_waiting
        )
        return answer, replace(timing, stages=dict(timing.stages))

    async def _hear(self, audio: dict[str, Array], language: str | None, timing: Timing) -> Heard:
        inputs = dict(audio)
        if language:
            inputs["AUDIO_LANGUAGE"] = text(language)
        heard = await self._stage(ASR, inputs, timing)
        return Heard(words(heard["TRANSCRIPT"]), words(heard["AUDIO_LANGUAGE"]))

    async def _stage(
        self, model: str, inputs: dict[str, Array], timing: Timing
    ) -> dict[str, Array]:
        begin = time.perf_counter()
        outputs = await self._calls.call(model, inputs)
        timing.stages[model] = time.perf_counter() - begin
        return outputs


def _audio(recording: Recording) -> dict[str, Array]:
    return {"AUDIO": recording.samples, "SAMPLE_RATE": np.array([recording.rate], np.int32)}

"""Step-Audio-EditX that says as much as it is told to, and notes how long its steps last."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from greenroom.managed.engine import Tensors
from greenroom_speech.engines.step_audio.faults import CODES_PER_SECOND
from greenroom_speech.engines.step_audio.language_model.generation import (
    Decoding,
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.speech_row import SpeechRow
from greenroom_speech.engines.step_audio.tts_engine import StepAudioEditX

PROMPT_SECONDS = 5
clock = time.perf_counter if torch.cuda.is_available() else time.process_time


class Metered(Generator):
    """Says exactly as many ids as the seed tells, in thousands."""

    def begin(self, prompt: Prompt) -> Decoding:
        """As ever; the seed's thousands are the length."""
        decoding = super().begin(prompt)
        decoding.limit = prompt.seed // 1000
        return decoding

    def _extended(self, row: Decoding, column: int) -> GeneratedSpeech | Exception | None:
        answer = super()._extended(row, column)
        return GeneratedSpeech(row.speech, ended=True) if row.new == row.limit else answer


class Timed(StepAudioEditX):
    """Notes how long steps last, by what was done in them."""

    def meter(self) -> None:
        """Let the seed tell how long speech is."""
        made = self._language.generator
        made.__class__ = Metered
        # No end but the limit.
        self._model.lm_head.weight[3].mul_(0)
        self.steps: list[float] = []
        self.kinds: dict[str, list[float]] = defaultdict(list)
        for name in ("step", "read"):
            setattr(made, name, self._noted(name, getattr(made, name)))

    def _noted(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            began = clock()
            result = work(*arguments)
            self.kinds["all rows say one id" if name == "step" else "a block of a prompt"].append(
                clock() - began
            )
            return result

        return noted

    def step(self, rows: Sequence[SpeechRow]) -> None:
        """As ever."""
        began = clock()
        super().step(rows)
        self.steps.append(clock() - began)

    def begun(self, ids: int, number: int = 0, whole: bool = True) -> SpeechRow:
        """A request for so many ids of speech."""
        return self.begin(request(ids, number), whole)

    def run_to_end(self, rows: Sequence[SpeechRow]) -> None:
        """In steps."""
        while going := [row for row in rows if not row.done]:
            self.step(going)
            for row in going:
                if row.error is not None:
                    raise row.error
        for row in rows:
            self.end(row)

    def whole_batch(self, rows: Sequence[SpeechRow]) -> None:
        """The way without steps."""
        language, vocoder = self._language, self._vocoder
        prompts = [row._passages[0]._prompt() for row in rows]
        speeches = language.generator.generate(prompts)
        for row, speech in zip(rows, speeches, strict=True):
            assert isinstance(speech, GeneratedSpeech)
            codes = language.audio.codes(speech.ids)
            vocoder.speech(codes, row._voice.prompt, row._voice.seed).cpu()
            self.end(row)


def request(ids: int, number: int = 0) -> Tensors:
    draw = np.random.default_rng(number)
    groups = round(PROMPT_SECONDS * CODES_PER_SECOND / 5)
    linguistic = 65536 + draw.integers(0, 1024, (groups, 2))
    semantic = 66560 + draw.integers(0, 4096, (groups, 3))
    return {
        "PROMPT_TOKENS": np.hstack([linguistic, semantic]).reshape(-1).astype(np.int32),
        "SPEECH_FEATURES": draw.normal(size=(6 * groups, 80)).astype(np.float32),
        "SPEAKER_EMBEDDING": draw.normal(size=192).astype(np.float32),
        "TRANSCRIPT": np.array(["hello world"], object),
        "TEXT": np.array(["Hello there, this is said aloud."], object),
        "SEED": np.array([1000 * ids + number]),
    }

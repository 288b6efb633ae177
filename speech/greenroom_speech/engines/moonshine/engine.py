"""The engine ``moonshine`` of the model ``asr``: Moonshine tiny-en in its own runtime.

MIT licence, English only, with case and punctuation. It takes about a tenth of the recording's
duration on two cores and asks nothing of the network.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import zip_longest
from pathlib import Path

import moonshine_voice
import numpy as np
from moonshine_voice.moonshine_api import TranscriptLine
from moonshine_voice.transcriber import Transcriber

from greenroom.errors import SetupError
from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.english_asr import EnglishAsr
from greenroom_speech.engines.moonshine.alignment import Aligner
from greenroom_speech.engines.resampling import resampled
from greenroom_speech.engines.times import Heard, Timed
from greenroom_speech.settings import EngineSettings

RATE = 16_000
WEIGHTS = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
# Who speaks is not asked, and the samples of each line need not come back.
OPTIONS = {"identify_speakers": "false", "return_audio_data": "false"}


class MoonshineAsr(EnglishAsr):
    """The words come with case and punctuation."""

    name = "moonshine"
    version = "tiny-en-0.0.73"

    def __init__(self, settings: EngineSettings) -> None:
        """SetupError where the package has no weights, as later versions of it have not."""
        super().__init__(settings)
        if not WEIGHTS.is_dir():
            raise SetupError(
                f"{WEIGHTS} is not there; the engine moonshine needs moonshine-voice 0.0.73, "
                "later versions come without weights."
            )
        self._transcriber = Transcriber(WEIGHTS, moonshine_voice.ModelArch.TINY, options=OPTIONS)

    def prime(self) -> None:
        """Listen to a moment of noise, so that the first request finds the model in memory."""
        noise = np.random.default_rng(0).normal(scale=0.05, size=RATE // 2)
        self.hear(noise.astype(np.float32), RATE, timed=False)

    def hear(self, samples: Samples, rate: int, timed: bool) -> Heard:
        heard = resampled(samples, rate, RATE)
        found = self._transcriber.transcribe_without_streaming(heard.tolist(), RATE).lines
        lines = [line for line in found if line.text.strip()]
        words = self._words(heard, lines) if timed else []
        return Heard(" ".join(line.text.strip() for line in lines), words)

    def _words(self, heard: Samples, lines: Sequence[TranscriptLine]) -> list[Timed]:
        words: list[Timed] = []
        for line, after in zip_longest(lines, lines[1:]):
            end = line.start_time + line.duration
            room = after.start_time if after else len(heard) / RATE
            words += self._aligner.align(heard, line.text, line.start_time, min(end, room))
        return words

    @cached_property
    def _aligner(self) -> Aligner:
        """Takes 0.2 s and 60 MB, which only who wants times has to give."""
        return Aligner()

    def close(self) -> None:
        self._transcriber.close()

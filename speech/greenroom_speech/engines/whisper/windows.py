"""From one recording to its words: 30 s at a time, and never without end."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from whisper.audio import (
    FRAMES_PER_SECOND,
    N_FRAMES,
    N_SAMPLES,
    SAMPLE_RATE,
    log_mel_spectrogram,
    pad_or_trim,
)
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from greenroom.managed.wanted import stop_if_unwanted
from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.engines.listening_task import TRANSCRIBE
from greenroom_speech.engines.times import Timed
from greenroom_speech.engines.whisper.language import ENGLISH
from greenroom_speech.engines.whisper.word_times import words_of_window

RATE = SAMPLE_RATE
FRAMES_PER_TIMESTAMP = 2

TEMPERATURES = (0.0, 0.4, 0.8)
"""Of the attempts at a window; each one follows a failed one."""
_MOST_WITH_PROMPT = 0.5
MAX_COMPRESSION_RATIO = 2.4
"""Text that gzip packs better repeats itself: the attempt has failed."""
MIN_LOGPROB = -1.0
"""Mean logarithm of the tokens' probability below which an attempt has failed."""
NO_SPEECH_PROBABILITY = 0.6
"""Above it, a failed attempt means that nobody speaks."""
MIN_ADVANCE = 10 * FRAMES_PER_SECOND
"""Frames that a window moves on at least, so that nonsense cannot make windows without end."""
TOKENS_AT_LEAST, TOKENS_PER_SECOND = 24, 30
"""Bound of a window's tokens; no language has more of them."""


@dataclass(frozen=True)
class RecognisedText:
    """The words of a recording and their language's code; both "" where nobody speaks."""

    text: str
    language: str
    words: tuple[Timed, ...] = ()
    """Only where times are wanted."""


@dataclass(frozen=True)
class Window:
    """What was heard in at most 30 s."""

    features: Tensor
    """(positions, width)."""
    seek: int
    """The frame at which it begins."""
    frames: int
    """Of the recording, without the silence that fills the window."""
    tokens: list[int]


@dataclass(frozen=True)
class WhisperOptions:
    """What is asked of a recording."""

    language: str
    task: str = TRANSCRIBE


class Transcriber:
    """Transcribes with one network; the same samples give the same words.

    Follows ``whisper.transcribe`` with its thresholds, and without the text of one window as
    the prompt of the next, which would hand an error on through all of them, unless one is given.
    Different are: no timestamps where one window is enough, fewer temperatures, a fixed seed,
    bounds of tokens and windows, and that each window is encoded once, also to detect the language.
    """

    def __init__(self, model: Whisper, temperatures: tuple[float, ...] = TEMPERATURES) -> None:
        self._model = model
        self._temperatures = temperatures
        self._dtype = model.encoder.conv1.weight.dtype

    @torch.no_grad()
    def listen(
        self,
        samples: Samples,
        language: str | None,
        prompt: str = "",
        task: str = TRANSCRIBE,
        timed: bool = False,
    ) -> RecognisedText:
        """What is said in mono samples at 16 kHz; language None: it is detected.

        `prompt` are words that came before; of attempts at a high temperature none. `timed`: and
        when each word is said, for a pass of the decoder more.
        """
        mel = self._mel(samples)
        features = self._encoded(mel, 0)
        wanted = WhisperOptions(language or self._detected(features), task)
        tokenizer = self._tokenizer(wanted)
        tokens: list[int] = []
        words: list[Timed] = []
        for window in self._windows(mel, features, wanted, prompt):
            # Above the words are timestamps and markers, which nonsense is full of.
            said = [token for token in window.tokens if token < tokenizer.eot]
            tokens += said
            if timed:
                words += words_of_window(
                    self._model, tokenizer, said, window.features, window.seek, window.frames, words
                )
        text = tokenizer.decode(tokens).strip()
        return RecognisedText(text, wanted.language if text or language else "", tuple(words))

    @torch.no_grad()
    def prime(self) -> None:
        """Run each part once, on silence and for two tokens."""
        silence = np.zeros(RATE, np.float32)
        features = self._encoded(self._mel(silence), 0)
        spoken = WhisperOptions(self._detected(features))
        self._attempt(features, spoken, 2, False, self._temperatures[-1])

    def _windows(
        self, mel: Tensor, features: Tensor, wanted: WhisperOptions, prompt: str
    ) -> Iterator[Window]:
        """One where that is enough. `features` are those of the first."""
        frames = _frames(mel)
        if frames <= N_FRAMES:
            before = self._prompt(prompt, wanted)
            tokens = self._in_one_window(features, wanted, frames, before)
            if tokens is not None:
                yield Window(features, 0, frames, tokens)
                return
        yield from self._in_windows(mel, features, wanted)

    def _in_one_window(
        self, features: Tensor, wanted: WhisperOptions, frames: int, prompt: list[int]
    ) -> list[int] | None:
        """Token ids; None where there are more words than one window can have."""
        bound = TOKENS_AT_LEAST + TOKENS_PER_SECOND * frames // FRAMES_PER_SECOND
        most = self._model.dims.n_text_ctx // 2
        result = self._decoded(features, wanted, min(bound, most), False, prompt)
        if result is None:
            return []
        repeats = result.compression_ratio > MAX_COMPRESSION_RATIO
        return None if len(result.tokens) >= most and not repeats else result.tokens

    def _in_windows(
        self, mel: Tensor, features: Tensor, wanted: WhisperOptions
    ) -> Iterator[Window]:
        """Windows that end where the model says that a sentence ends."""
        seek, end = 0, _frames(mel)
        while seek < end:
            stop_if_unwanted()
            if seek:
                features = self._encoded(mel, seek)
            result = self._decoded(features, wanted, None, timestamps=True)
            if result is None:
                seek += N_FRAMES
            else:
                heard, advance = self._until_pause(result.tokens)
                yield Window(features, seek, min(N_FRAMES, end - seek), heard)
                seek += advance

    def _until_pause(self, tokens: list[int]) -> tuple[list[int], int]:
        """The tokens to keep and the frames to go on by.

        Two timestamps in a row end a segment and begin the next one. What comes after the last
        such pair is not whole, so the next window begins there.
        """
        begin = self._tokenizer(WhisperOptions(ENGLISH)).timestamp_begin
        pairs = [k for k in range(1, len(tokens)) if min(tokens[k - 1 : k + 1]) >= begin]
        ended = len(tokens) > 1 and tokens[-1] >= begin > tokens[-2]
        if ended or not pairs:
            return tokens, N_FRAMES
        advance = (tokens[pairs[-1] - 1] - begin) * FRAMES_PER_TIMESTAMP
        if advance < MIN_ADVANCE:
            return tokens, N_FRAMES
        return tokens[: pairs[-1]], advance

    def _decoded(
        self,
        features: Tensor,
        wanted: WhisperOptions,
        bound: int | None,
        timestamps: bool,
        prompt: list[int] | None = None,
    ) -> DecodingResult | None:
        """The first good attempt, else the last; None where nobody speaks."""
        for temperature in self._temperatures:
            before = prompt if temperature <= _MOST_WITH_PROMPT else None
            result = self._attempt(features, wanted, bound, timestamps, temperature, before)
            unlikely = result.avg_logprob < MIN_LOGPROB
            if unlikely and result.no_speech_prob > NO_SPEECH_PROBABILITY:
                return None
            if not unlikely and result.compression_ratio <= MAX_COMPRESSION_RATIO:
                break
        return result

    def _attempt(
        self,
        features: Tensor,
        wanted: WhisperOptions,
        bound: int | None,
        timestamps: bool,
        temperature: float,
        prompt: list[int] | None = None,
    ) -> DecodingResult:
        options = DecodingOptions(
            task=wanted.task,
            language=wanted.language,
            temperature=temperature,
            sample_len=bound,
            without_timestamps=not timestamps,
            prompt=prompt or None,
            fp16=self._dtype == torch.float16,
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return self._model.decode(features, options)

    def _mel(self, samples: Samples) -> Tensor:
        """Features (bands, frames) of the samples and of 30 s of silence after them."""
        # On the CPU, where it takes milliseconds: on a GPU the Fourier transform's library
        # would stay in its memory.
        mel: Tensor = log_mel_spectrogram(samples, self._model.dims.n_mels, padding=N_SAMPLES)
        return mel

    def _encoded(self, mel: Tensor, seek: int) -> Tensor:
        """Features (positions, width) of the window that begins at frame ``seek``."""
        window = mel[:, seek : min(seek + N_FRAMES, _frames(mel))]
        padded = pad_or_trim(window, N_FRAMES).to(self._model.device, self._dtype)
        features: Tensor = self._model.encoder(padded[None])[0]
        return features

    def _detected(self, features: Tensor) -> str:
        if not self._model.is_multilingual:
            return ENGLISH
        _, probabilities = self._model.detect_language(features)
        return str(max(probabilities, key=probabilities.get))

    def _prompt(self, words: str, wanted: WhisperOptions) -> list[int]:
        """As whisper takes them; what looks like a marker is text here."""
        if not words.strip():
            return []
        encoding = self._tokenizer(wanted).encoding
        return list(encoding.encode(" " + words.strip(), disallowed_special=()))

    def _tokenizer(self, wanted: WhisperOptions) -> Tokenizer:
        model = self._model
        return get_tokenizer(
            model.is_multilingual,
            num_languages=model.num_languages,
            language=wanted.language,
            task=wanted.task,
        )


def _frames(mel: Tensor) -> int:
    """Frames of the recording, without the silence after it."""
    return int(mel.shape[-1]) - int(N_FRAMES)

"""The engine ``step-audio-editx`` of the model ``tts``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from greenroom.errors import GreenroomError, InvalidInput
from greenroom.managed.arena import ArenaEngine
from greenroom.managed.arena.meta_init import unfilled
from greenroom.managed.engine import Tensors
from greenroom_speech.engines.step_audio.audio_ids import LINGUISTIC, SEMANTIC
from greenroom_speech.engines.step_audio.joining import join
from greenroom_speech.engines.step_audio.language_model.cache_layout import buffer_elements
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import read_config
from greenroom_speech.engines.step_audio.language_model.generation import (
    GeneratedSpeech,
    Generator,
    Prompt,
)
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.prompt_analysis.interleave import FIRST_ID
from greenroom_speech.engines.step_audio.prompts import Conversation, ids_of
from greenroom_speech.engines.step_audio.sentences import spoken_seconds
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer
from greenroom_speech.engines.step_audio.turns import Turns
from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.engines.step_audio.vocoder.vocoder_yaml import vocoder_sizes
from greenroom_speech.engines.step_audio.weights import VoiceFiles
from greenroom_speech.engines.tasks import order_of
from greenroom_speech.engines.text_input import bounded, word
from greenroom_speech.settings import EngineSettings

CODES_PER_SECOND = 125 / 3
MAX_PROMPT_SECONDS = 30.0
LONGEST_REQUESTS = 4
"""Requests of the greatest length whose keys and values have room at once; of shorter ones more."""
_SOME_CODES = (0, 0, 1024, 1024, 1024) * 2
_OTHER_SEED = 7_919_000_000
_SLOWEST, _AT_LEAST_SECONDS = 4.0, 5.0
"""Speech so many times and seconds longer than its text takes has lost its way."""


@dataclass
class _Work:
    """One request on its way."""

    turns: Turns
    voice: VoicePrompt
    seed: int
    turn: int = 0
    error: Exception | None = None


class StepAudioEditX(ArenaEngine):
    """Says ``TEXT`` in the voice of the prompt, or edits the prompt's speech; 24 kHz.

    All requests of a batch are decoded together, turn by turn, and so are the pieces of a long
    text. The same ``SEED`` (0 if absent) gives the same samples, whatever else is in the batch.
    """

    name = "step-audio-editx"

    def __init__(self, settings: EngineSettings) -> None:
        """Read the checkpoints; SetupError names what is missing or does not fit."""
        self._settings = settings
        self._files = VoiceFiles(settings.models)
        config = read_config(self._files.config)
        dtype = getattr(torch, settings.tts_dtype)
        with unfilled():
            model = Step1(config)
        self._model = model.to(dtype).eval().requires_grad_(False)
        self._tokenizer = TextTokenizer.read(self._files.text_tokenizer)
        self._vocoder = Vocoder(vocoder_sizes(self._files.sizes))
        modules: list[nn.Module] = [self._model, *self._vocoder.modules]
        super().__init__(modules)
        buffer = self.arena.scratch((buffer_elements(config, LONGEST_REQUESTS),), dtype)
        candidates = Candidates.of_speech(
            config.eos_token_id, self._tokenizer.audio, settings.tts_ordered_codes
        )
        sampling = Sampling(
            settings.tts_repetition_aware, settings.tts_temperature, settings.tts_top_k
        )
        self._generator = Generator(self._model, buffer, candidates, sampling)

    def load(self) -> None:
        """Read the three networks' weights into the arena."""
        self.arena.read(self._model, self._files.language_model)
        self._vocoder.read(self.arena, self._files.flow, self._files.hift)

    def prime(self) -> None:
        """Decode a few ids and make sound of them, so that the first request finds all ready."""
        sizes = self._vocoder.flow.sizes
        features, embedding = torch.zeros(6, sizes.output_size), torch.ones(sizes.spk_embed_dim)
        voice = self._vocoder.voice(_SOME_CODES, features, embedding)
        ids = self._tokenizer.encode("<s><|BOT|> human\nHello.<|EOT|><|BOT|> assistant\n")
        self._generator.generate([Prompt(ids, seed=0, most_new=len(_SOME_CODES))])
        self._vocoder.speech(_SOME_CODES, voice, seed=0)

    def run(self, batch: Sequence[Tensors]) -> list[Tensors | Exception]:
        """``WAVEFORM`` and ``WAVEFORM_RATE`` for each request, or its error."""
        works = [self._begun(request) for request in batch]
        while self._next_turn([work for work in works if isinstance(work, _Work)]):
            pass
        return [work if isinstance(work, Exception) else self._sound(work) for work in works]

    def _begun(self, request: Tensors) -> _Work | Exception:
        try:
            order = order_of(request, self._settings)
            said = bounded("TRANSCRIPT", word(request, "TRANSCRIPT") or "", self._settings)
            for field, text in (("TRANSCRIPT", said), ("TEXT", order.text or "")):
                self._tokenizer.check_words(field, text)
            codes, sizes = self._codes(request), self._vocoder.flow.sizes
            voice = self._vocoder.voice(
                codes,
                _numbers(request, "SPEECH_FEATURES", (-1, sizes.output_size)),
                _numbers(request, "SPEAKER_EMBEDDING", (sizes.spk_embed_dim,)),
            )
            return _Work(Turns(order, said, codes), voice, _seed(request))
        except InvalidInput as error:
            return error

    def _codes(self, request: Tensors) -> list[int]:
        """The prompt's audio codes. InvalidInput for other ids, none, and too many."""
        ids = request["PROMPT_TOKENS"].reshape(-1)
        if not ids.size:
            raise InvalidInput("PROMPT_TOKENS is empty; it must hold the prompt's audio tokens.")
        last = FIRST_ID + LINGUISTIC + SEMANTIC - 1
        if ids.min() < FIRST_ID or ids.max() > last:
            raise InvalidInput(
                f"PROMPT_TOKENS has values from {ids.min()} to {ids.max()}; audio tokens are "
                f"{FIRST_ID} to {last}. Do tokenizer and tts run engines that fit together?"
            )
        seconds = ids.size / CODES_PER_SECOND
        if seconds > MAX_PROMPT_SECONDS + 1:
            raise InvalidInput(
                f"PROMPT_TOKENS are {seconds:.0f} s of speech; "
                f"a prompt may last at most {MAX_PROMPT_SECONDS:g} s."
            )
        return [int(number) - FIRST_ID for number in ids]

    def _next_turn(self, works: Sequence[_Work]) -> bool:
        """Decode the next turn of all requests together; False if there was none."""
        asked = [
            (work, number, conversation)
            for work in works
            if work.error is None
            for number, conversation in work.turns.asked.items()
        ]
        speeches = self._speeches([self._prompt(*each) for each in asked])
        said: dict[int, dict[int, list[int]]] = {}
        for (work, number, _), speech in zip(asked, speeches, strict=True):
            if isinstance(speech, Exception) or _fails(speech):
                work.error = work.error or _why(speech)
            else:
                codes = self._tokenizer.audio.codes(speech.ids)
                said.setdefault(id(work), {})[number] = codes
        for work in works:
            if id(work) in said and work.error is None:
                work.turns.answered(said[id(work)])
                work.turn += 1
        return bool(asked)

    def _speeches(self, prompts: Sequence[Prompt]) -> list[GeneratedSpeech | Exception]:
        """Decode all prompts; one that says nothing, or does not end, has a second try."""
        speeches = self._generator.generate(prompts)
        failed = [
            number
            for number, speech in enumerate(speeches)
            if isinstance(speech, GeneratedSpeech) and _fails(speech)
        ]
        others = [replace(prompts[n], seed=prompts[n].seed + _OTHER_SEED) for n in failed]
        for number, speech in zip(failed, self._generator.generate(others), strict=True):
            speeches[number] = speech
        return speeches

    def _prompt(self, work: _Work, number: int, conversation: Conversation) -> Prompt:
        ids = ids_of(conversation, self._settings.tts_prompt_layout, self._tokenizer)
        piece = work.turns.pieces[number]
        before = len(piece.codes) / CODES_PER_SECOND
        seconds = _AT_LEAST_SECONDS + _SLOWEST * max(spoken_seconds(piece.text), before)
        most = min(seconds, self._settings.max_speech_seconds) * CODES_PER_SECOND
        seed = work.seed + 1_000_003 * work.turn + 1009 * number
        return Prompt(ids, seed, int(most))

    def _sound(self, work: _Work) -> Tensors | Exception:
        if work.error is not None:
            return work.error
        waves = [
            self._vocoder.speech(piece.codes, work.voice, work.seed).cpu().numpy()
            for piece in work.turns.pieces
        ]
        wave = join(waves, self._vocoder.rate)
        seconds = len(wave) / self._vocoder.rate
        if seconds > self._settings.max_speech_seconds:
            return InvalidInput(
                f"TEXT takes {seconds:.0f} s to say; "
                f"it may take at most {self._settings.max_speech_seconds:g} s."
            )
        return {
            "WAVEFORM": wave,
            "WAVEFORM_RATE": np.array([self._vocoder.rate], dtype=np.int32),
        }


def _numbers(request: Tensors, name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A prompt's tensor; -1 in the shape stands for any length but 0. Raises InvalidInput."""
    given = request[name]
    fits = given.ndim == len(shape) and all(
        size == wanted or (wanted == -1 and size)
        for size, wanted in zip(given.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size == -1 else str(size) for size in shape)
        raise InvalidInput(f"{name} has shape {given.shape}; it must be ({wanted}).")
    if not np.isfinite(given).all():
        raise InvalidInput(f"{name} has values that are not numbers; all must be finite.")
    return torch.from_numpy(given.copy())


def _seed(request: Tensors) -> int:
    values = request["SEED"].reshape(-1) if "SEED" in request else np.zeros(1, np.int64)
    return int(values[0]) % 2**63


def _fails(speech: GeneratedSpeech) -> bool:
    return not (speech.ids and speech.ended)


def _why(speech: GeneratedSpeech | Exception) -> Exception:
    if isinstance(speech, Exception):
        return speech
    if not speech.ids:
        return GreenroomError("The model answered without any speech; try another SEED.")
    seconds = len(speech.ids) / CODES_PER_SECOND
    return GreenroomError(
        f"The model did not finish within {seconds:.0f} s of speech; "
        "try another SEED or a shorter TEXT."
    )

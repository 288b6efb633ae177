"""The engine ``step-audio-editx`` of the model ``tts``."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import psutil
import torch
from torch import nn

from greenroom.errors import InvalidInput
from greenroom.managed.arena import ArenaEngine, best_device
from greenroom.managed.arena.meta_init import unfilled
from greenroom.managed.counted import Counted
from greenroom.managed.engine import Tensors
from greenroom.managed.host.early_reading import EarlyReading
from greenroom.managed.result_cache import digest
from greenroom_speech.engines.seeds import seed_of
from greenroom_speech.engines.step_audio.audio_ids import LINGUISTIC, SEMANTIC
from greenroom_speech.engines.step_audio.device_bytes import LONGEST_REQUESTS, PAIRS_PER_SECOND
from greenroom_speech.engines.step_audio.faults import CODES_PER_SECOND, misfit
from greenroom_speech.engines.step_audio.flow_places import FlowPlaces
from greenroom_speech.engines.step_audio.instructions import unknown_tags
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements, longest
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.config import (
    read_config,
    read_quantisation,
)
from greenroom_speech.engines.step_audio.language_model.generation import Generator, Prompt
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows
from greenroom_speech.engines.step_audio.language_model.precision import (
    projection_of,
    use_many_rows,
)
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.passage import PassageModel
from greenroom_speech.engines.step_audio.prompt_analysis.interleave import FIRST_ID
from greenroom_speech.engines.step_audio.prompts import ANYBODY, speaker_name
from greenroom_speech.engines.step_audio.release import RELEASES
from greenroom_speech.engines.step_audio.speech_row import (
    SeededVoice,
    SpeechRow,
    StreamedSpeech,
    WholeSpeech,
)
from greenroom_speech.engines.step_audio.text_tokenizer import TextTokenizer
from greenroom_speech.engines.step_audio.turns import Turns
from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.token_pairs import GROUP, GROUP_PAIRS
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.engines.step_audio.vocoder.vocoder_yaml import vocoder_sizes
from greenroom_speech.engines.step_audio.weights import VoiceFiles
from greenroom_speech.engines.tasks import CLONE, Order, order_of
from greenroom_speech.engines.text_input import bounded, word
from greenroom_speech.settings import EngineSettings

MAX_PROMPT_SECONDS = 30.0
SPARED_ROWS = 2
"""A text of several passages leaves so many rows of the language model to others."""
_LEFT_FREE = 2 * 2**30
"""Bytes of the device that the places of streams leave to activations and libraries."""
_SOME_CODES = (0, 0, 1024, 1024, 1024) * 6


class StepAudioEditX(ArenaEngine):
    """Says ``TEXT`` in the voice of the prompt, or edits the prompt's speech; 24 kHz.

    In one step all that are being said get one code more, and one request a piece of other work:
    a block of its prompt read, an Euler step, a window of HiFT. The same ``SEED`` gives the same
    samples, whatever is beside it, and a request without one is a new draw; a stream sounds a
    little different from a whole answer.
    """

    name = "step-audio-editx"

    def __init__(self, settings: EngineSettings, early: EarlyReading | None = None) -> None:
        """Read the checkpoints; SetupError names what is missing or does not fit.

        ``early`` is the language model, where it is being read already.
        """
        self._settings = settings
        precision = settings.tts_precision
        self._files = VoiceFiles(settings.models, precision)
        config = read_config(self._files.config)
        quantisation = read_quantisation(self._files.config)
        dtype = torch.float32 if precision == "float32" else torch.bfloat16
        many = ManyRows()
        with unfilled():
            model = Step1(config, projection_of(precision, quantisation, best_device(), many))
        self._model = model.to(dtype).eval().requires_grad_(False)
        self._tokenizer = TextTokenizer.read(self._files.text_tokenizer)
        self._vocoder = Vocoder(vocoder_sizes(self._files.sizes))
        modules: list[nn.Module] = [self._model, *self._vocoder.modules]
        super().__init__(modules, early=early)
        if precision in ("int8", "int4"):
            use_many_rows(self._model, many, self.arena, settings.cache_folder)
        buffer = self.arena.scratch((buffer_elements(config, LONGEST_REQUESTS),), dtype)
        candidates = Candidates.of_speech(
            config.eos_token_id, self._tokenizer.audio, settings.tts_ordered_codes
        )
        self._release = RELEASES[settings.tts_release]
        sampling = self._release.sampling(settings.tts_temperature)
        generator = Generator(self._model, buffer, candidates, sampling)
        self._language = language = PassageModel(
            generator, self._tokenizer, settings, self._release
        )
        self.counted = Counted(
            "greenroom_bad_draws_total",
            "Draws that were plainly wrong: drawn again, cut after they were heard, or failed",
            "action",
            language.bad_draws,
        )
        self._places = self._flow_places()
        self._open: dict[SpeechRow, None] = {}
        self._reads = self._hurried = False

    def load(self) -> None:
        """Read the three networks' weights into the arena, the language model's as the last.

        They may be on their way since before torch was there.
        """
        self._vocoder.read(self.arena, self._files.flow, self._files.hift)
        if self.arena.device.type == "cuda":
            # Meanwhile the GPU's libraries begin. A CPU has enough to do with the reading.
            self._vocoder.speech(_SOME_CODES, self._nobody(), seed=0)
        self.arena.read(self._model, self._files.language_model)

    def prime(self) -> None:
        """Decode a few ids and make sound of them, so that the first request finds all ready."""
        prompt = self._nobody()
        ids = self._tokenizer.encode("<s><|BOT|> human\nHello.<|EOT|><|BOT|> assistant\n")
        self._language.generator.generate([Prompt(ids, seed=0, most_new=10)])
        self._vocoder.speech(_SOME_CODES, prompt, seed=0)
        place = self._places.take(b"")
        assert place is not None
        stream = self._vocoder.stream(self._places.flow(place, b"", prompt), seed=0)
        stream.push(_SOME_CODES, last=True)
        while stream.ready:
            stream.advance()
        self._places.give_back(place)

    def _nobody(self) -> VoicePrompt:
        """A prompt to prime with."""
        sizes = self._vocoder.flow.sizes
        features, embedding = torch.zeros(6, sizes.output_size), torch.ones(sizes.spk_embed_dim)
        return self._vocoder.voice(_SOME_CODES[:10], features, embedding)

    def begin(self, request: Tensors, whole: bool) -> SpeechRow:
        """A row of ``WAVEFORM``, its rate, ``SEED_USED`` and ``WARNING``. Raises InvalidInput."""
        order = order_of(request, self._settings)
        said = bounded("TRANSCRIPT", word(request, "TRANSCRIPT") or "", self._settings)
        for field, text in (("TRANSCRIPT", said), ("TEXT", order.text or "")):
            self._tokenizer.check_words(field, text)
        codes = self._codes(request, order)
        turns = Turns(order, said, codes, self._speaker(said, request))
        voice = self._voice(request, codes)
        row: SpeechRow
        if whole:
            row = WholeSpeech(self._language, self._vocoder, turns, voice)
        else:
            shared = self._settings.tts_share_setup
            row = StreamedSpeech(self._language, self._vocoder, turns, voice, self._places, shared)
        told = (misfit(said, turns.recorded_seconds), unknown_tags(order.text or ""))
        row.warnings += filter(None, told)
        self._open[row] = None
        return row

    @torch.inference_mode()
    def step(self, rows: Sequence[SpeechRow]) -> None:
        """A block of a prompt, or one code more for all that are being said and a piece of sound.

        Who reads a prompt and who is said get every second step, so that none takes longer than
        its longest piece of work. Those go on being said whose sound nobody takes at the moment:
        they give their row of the language model back the sooner.
        """
        self._join(rows)
        generator = self._language.generator
        reading = None if self._reads else generator.reading
        self._reads = reading is not None
        if reading is not None:
            generator.read(reading)
        else:
            self._say(rows)
        if self.arena.device.type == "cuda":
            torch.cuda.synchronize()

    def end(self, row: SpeechRow) -> None:
        """Give back what it holds of both networks."""
        self._open.pop(row, None)
        row.close()

    def offload(self) -> None:
        """What streams remember is lost too; there are none then."""
        super().offload()
        self._places.forget()

    def _join(self, rows: Sequence[SpeechRow]) -> None:
        """Every row's own claim in their order, then further passages where there is room."""
        claims = [row for row in rows if not row.is_being_said]
        for spared, among in ((0, claims), (SPARED_ROWS, rows)):
            for row in among:
                joined = _guarded(row, partial(self._join_row, row, spared))
                if not joined and row.error is None:
                    return

    def _join_row(self, row: SpeechRow, spared: int) -> bool:
        """Let its next passage be said; False: there is no room for it now."""
        generator, passage = self._language.generator, next(row.wanting(), None)
        decoding = passage.wanted() if passage is not None else None
        if passage is None or decoding is None:
            return True
        if generator.room(decoding) <= spared or not generator.join(decoding):
            return False
        passage.joined()
        return True

    def _say(self, rows: Sequence[SpeechRow]) -> None:
        # A first sound waits for its Euler steps, not for codes that are heard later: every second
        # time leaves them out.
        self._hurried = not self._hurried and any(row.first_sound_is_made for row in rows)
        if not self._hurried:
            self._language.generator.step()
        for row in self._open:
            _guarded(row, row.hear)
        any(_guarded(row, row.work) for row in rows)

    def _flow_places(self) -> FlowPlaces:
        """As many as are wanted, or fewer where the device has no room for them."""
        settings = self._settings
        shape = self._vocoder.memory_shape(round(settings.tts_prompt_seconds * PAIRS_PER_SECOND))
        dtype = self._vocoder.flow.encoder_proj.weight.dtype
        size = torch.Size(shape).numel() * dtype.itemsize
        room = (_free_bytes(self.arena.device) - _LEFT_FREE) // size
        places = max(1, min(settings.tts_streams, room))
        states = self.arena.scratch((places, *shape), dtype)
        return FlowPlaces(self._vocoder, states, settings.tts_share_setup)

    def _voice(self, request: Tensors, codes: Sequence[int]) -> SeededVoice:
        """The end of the prompt, as much of it as the flow is given."""
        sizes = self._vocoder.flow.sizes
        features = _numbers(request, "SPEECH_FEATURES", (-1, sizes.output_size))
        embedding = _numbers(request, "SPEAKER_EMBEDDING", (sizes.spk_embed_dim,))
        groups = int(self._settings.tts_prompt_seconds * PAIRS_PER_SECOND) // GROUP_PAIRS
        left_out = max(0, -(-len(codes) // GROUP) - groups) * GROUP
        features = features[round(len(features) * left_out / len(codes)) :]
        prompt = self._vocoder.voice(codes[left_out:], features, embedding)
        names = ("PROMPT_TOKENS", "SPEECH_FEATURES", "SPEAKER_EMBEDDING")
        return SeededVoice(prompt, digest(*(request[name] for name in names)), seed_of(request))

    def _speaker(self, said: str, request: Tensors) -> str:
        """Who asks tts alone has no recording to be named by; the codes stand for it."""
        if not self._release.names_speakers:
            return ANYBODY
        samples = request.get("AUDIO", request["PROMPT_TOKENS"])
        return speaker_name(said, samples)

    def _codes(self, request: Tensors, order: Order) -> list[int]:
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
        seconds, edits = ids.size / CODES_PER_SECOND, order.steps[0].task != CLONE
        most = self._settings.max_edit_seconds if edits else MAX_PROMPT_SECONDS
        if seconds > most + 1:
            raise InvalidInput(
                f"PROMPT_TOKENS are {seconds:.0f} s of speech; "
                f"{'an edit' if edits else 'a prompt'} may last at most {most:g} s."
            )
        if edits and 2 * ids.size > longest(self._model.config):
            raise InvalidInput(
                f"PROMPT_TOKENS are {ids.size} and an edit says about as many again; together they "
                f"may be {longest(self._model.config)}."
            )
        return [int(number) - FIRST_ID for number in ids]


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


def _guarded(row: SpeechRow, action: Callable[[], bool | None]) -> bool:
    """What goes wrong in a row ends that row alone."""
    if row.error is not None:
        return False
    try:
        return bool(action())
    except Exception as error:
        row.error = error
        return False


def _free_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)

"""From prompts to the ids of their speech, several decoded together, step by step."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from greenroom.errors import GreenroomError, InvalidInput
from greenroom_speech.engines.step_audio.language_model.attention import PromptBlock
from greenroom_speech.engines.step_audio.language_model.cache_layout import laid_out, rows_of
from greenroom_speech.engines.step_audio.language_model.cache_size import longest
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.decode_graphs import GraphedSteps
from greenroom_speech.engines.step_audio.language_model.decode_step import PlainSteps, Steps
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.many_rows import LARGEST_BLOCK
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling, drawn, repeated
from greenroom_speech.engines.step_audio.language_model.sqrt_alibi import slopes
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

PROMPT_BLOCK = LARGEST_BLOCK
"""Prompt ids that go through the layers at a time: bounds the bias to so many rows."""


@dataclass(frozen=True)
class Prompt:
    """One request to the language model."""

    ids: Sequence[int]
    seed: int
    """The same seed gives the same speech, whatever is decoded beside it."""
    most_new: int | None = None
    """Ids of speech at most; None: as many as fit."""


@dataclass(frozen=True)
class GeneratedSpeech:
    """What the model said, without the id that ends it."""

    ids: list[int]
    ended: bool
    """False: a limit cut it off."""


@dataclass(eq=False)
class Decoding:
    """A prompt on its way to speech."""

    ids: list[int]
    prompt_ids: int
    limit: int
    chances: random.Random
    read: int = 0
    """Ids that have been read into the cache."""
    answer: GeneratedSpeech | Exception | None = None

    @property
    def position(self) -> int:
        """Where the newest id stands; all before it are in the cache once the prompt is read."""
        return len(self.ids) - 1

    @property
    def new(self) -> int:
        return len(self.ids) - self.prompt_ids

    @property
    def speech(self) -> list[int]:
        """The ids of speech so far."""
        return self.ids[self.prompt_ids :]

    @property
    def needed(self) -> int:
        """Positions of the cache at most."""
        return self.prompt_ids + self.limit


class Generator:
    """Decodes with one model and one static buffer for keys and values.

    ``begin`` a prompt, let it ``join``, ``read`` it block by block, and ``step``: all that have
    been read say one id more. They join and leave between steps; what one says does not depend on
    the others.
    """

    def __init__(
        self, model: Step1, buffer: torch.Tensor, candidates: Candidates, sampling: Sampling
    ) -> None:
        """``buffer`` is 1-D, of the weights' type and device, with any content.

        It has at least ``buffer_elements(config, 1)``.
        """
        self._model = model
        self._buffer = buffer
        self._candidates = candidates
        self._sampling = sampling
        self._slopes = slopes(model.config.num_attention_heads, buffer.device)
        if candidates.forbidden is None:
            self._forbidden = None
        else:
            self._forbidden = candidates.forbidden.to(buffer.device)
        steps = GraphedSteps if buffer.device.type == "cuda" else PlainSteps
        self._steps: Steps = steps(model, candidates.ranges, self._slopes)
        self._rows: list[Decoding] = []
        self.reading: Decoding | None = None
        """The one that has joined and is not yet read to its end."""
        self._cache = laid_out(model.config, buffer, 1)

    def generate(self, prompts: Sequence[Prompt]) -> list[GeneratedSpeech | Exception]:
        """Each prompt's speech or its error, in order.

        Prompts that find no room in the buffer start when another one has ended.
        """
        decodings = [self._begun(prompt) for prompt in prompts]
        waiting = deque(each for each in decodings if isinstance(each, Decoding))
        while waiting or self._rows:
            while waiting and self.join(waiting[0]):
                decoding = waiting.popleft()
                while self.read(decoding):
                    pass
            self.step()
        answers = (each.answer if isinstance(each, Decoding) else each for each in decodings)
        return [answer for answer in answers if answer is not None]

    def begin(self, prompt: Prompt) -> Decoding:
        """Check a prompt; InvalidInput for one that is empty or too long."""
        most = longest(self._model.config)
        room = most - len(prompt.ids)
        if not prompt.ids or room < 1:
            raise InvalidInput(
                f"text and recording make a prompt of {len(prompt.ids)} tokens; "
                f"it must have 1 to {most - 1}."
            )
        limit = room if prompt.most_new is None else min(room, prompt.most_new)
        chances = random.Random(prompt.seed % 2**64)
        return Decoding(list(prompt.ids), len(prompt.ids), limit, chances)

    def room(self, decoding: Decoding) -> int:
        """How many more could join if this were one of them; 0 while another is being read."""
        if self.reading is not None:
            return 0
        needed = max(row.needed for row in (*self._rows, decoding))
        return rows_of(self._model.config, self._buffer, needed) - len(self._rows)

    @torch.inference_mode()
    def join(self, decoding: Decoding) -> bool:
        """Give a prompt a row of the cache, to be read; False if there is none now."""
        if self.room(decoding) < 1:
            return False
        config, most = self._model.config, max(row.needed for row in (*self._rows, decoding))
        if not self._rows:
            self._cache = laid_out(config, self._buffer, most)
        elif most > self._cache.capacity or len(self._rows) == self._cache.rows:
            fresh = laid_out(config, self._buffer, most)
            fresh.take(self._cache, [row.position for row in self._rows])
            self._cache = fresh
        self.reading = decoding
        return True

    @torch.inference_mode()
    def read(self, decoding: Decoding) -> bool:
        """Read the next block of a prompt that has joined; True: there is more to read.

        The last id of a prompt is not read: the first step takes it.
        """
        start, end = decoding.read, min(decoding.read + PROMPT_BLOCK, decoding.position)
        if end > start:
            ids = torch.tensor(decoding.ids[start:end], device=self._slopes.device)
            place = len(self._rows)
            self._model(ids, PromptBlock(self._cache, place, start, end, self._slopes))
        decoding.read = end
        if end < decoding.position:
            return True
        self._rows.append(decoding)
        self.reading = None
        return False

    @torch.inference_mode()
    def step(self) -> None:
        """Say one id more of each that has been read; who is at its end has an answer and left."""
        if not self._rows:
            return
        columns = self._next(self._rows, self._cache)
        for place in reversed(range(len(self._rows))):
            row = self._rows[place]
            row.answer = self._extended(row, columns[place])
            if row.answer is not None:
                self._leave(place)

    @torch.inference_mode()
    def leave(self, decoding: Decoding) -> None:
        """Forget a prompt, wherever it is."""
        if decoding is self.reading:
            self.reading = None
        elif decoding in self._rows:
            self._leave(self._rows.index(decoding))

    def _begun(self, prompt: Prompt) -> Decoding | InvalidInput:
        try:
            return self.begin(prompt)
        except InvalidInput as error:
            return error

    def _leave(self, place: int) -> None:
        """The last row moves to the place of one that leaves, and what is read to the last's."""
        last = self._rows.pop()
        if place < len(self._rows):
            self._cache.move(len(self._rows), place, last.position)
            self._rows[place] = last
        if self.reading is not None:
            self._cache.move(len(self._rows) + 1, len(self._rows), self.reading.read)

    def _next(self, rows: list[Decoding], cache: KeyValueCache) -> list[int]:
        newest, positions = [row.ids[-1] for row in rows], [row.position for row in rows]
        scores = self._steps.scores(cache, newest, positions)
        if self._forbidden is not None:
            places = [row.new % len(self._forbidden) for row in rows]
            scores = scores.masked_fill(self._forbidden[places], float("-inf"))
        if self._sampling.repetition_aware:
            self._ban(rows, scores)
        return drawn(scores, [row.chances.random() for row in rows], self._sampling)

    def _ban(self, rows: list[Decoding], scores: torch.Tensor) -> None:
        for place, row in enumerate(rows):
            banned = repeated(row.ids)
            if banned in self._candidates.columns:
                scores[place, self._candidates.columns[banned]] = float("-inf")

    def _extended(self, row: Decoding, column: int) -> GeneratedSpeech | Exception | None:
        """Appends what was drawn; the answer if that was the end, else None."""
        if column == len(self._candidates.ids):
            return GreenroomError("The language model's scores are not finite numbers.")
        drawn_id = self._candidates.ids[column]
        if drawn_id == self._candidates.end:
            return GeneratedSpeech(row.speech, ended=True)
        row.ids.append(drawn_id)
        if row.new == row.limit:
            return GeneratedSpeech(row.speech, ended=False)
        return None

"""From prompts to the ids of their speech, several decoded together."""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from greenroom.errors import GreenroomError, InvalidInput
from greenroom_speech.engines.step_audio.language_model.attention import PromptBlock
from greenroom_speech.engines.step_audio.language_model.cache_layout import laid_out, longest
from greenroom_speech.engines.step_audio.language_model.candidates import Candidates
from greenroom_speech.engines.step_audio.language_model.decode_graphs import GraphedSteps
from greenroom_speech.engines.step_audio.language_model.decode_step import PlainSteps, Steps
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling, drawn, repeated
from greenroom_speech.engines.step_audio.language_model.sqrt_alibi import slopes
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

PROMPT_BLOCK = 256
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


@dataclass
class _Row:
    """A prompt that is being decoded; its place in the list is its row of the cache."""

    number: int
    ids: list[int]
    prompt_ids: int
    limit: int
    chances: random.Random

    @property
    def position(self) -> int:
        """Where the newest id stands; all before it are in the cache."""
        return len(self.ids) - 1

    @property
    def new(self) -> int:
        return len(self.ids) - self.prompt_ids


class Generator:
    """Decodes with one model and one static buffer for keys and values."""

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

    @torch.inference_mode()
    def generate(self, prompts: Sequence[Prompt]) -> list[GeneratedSpeech | Exception]:
        """Each prompt's speech or its error, in order.

        Prompts that find no room in the buffer start when another one has ended.
        """
        answers: dict[int, GeneratedSpeech | Exception] = {}
        waiting: deque[_Row] = deque()
        for number, prompt in enumerate(prompts):
            try:
                waiting.append(self._row(number, prompt))
            except InvalidInput as error:
                answers[number] = error
        if waiting:
            most = max(row.prompt_ids + row.limit for row in waiting)
            cache = laid_out(self._model.config, self._buffer, most)
            answers.update(self._decoded(waiting, cache))
        return [answers[number] for number in range(len(prompts))]

    def _row(self, number: int, prompt: Prompt) -> _Row:
        most = longest(self._model.config)
        room = most - len(prompt.ids)
        if not prompt.ids or room < 1:
            raise InvalidInput(
                f"text and recording make a prompt of {len(prompt.ids)} tokens; "
                f"it must have 1 to {most - 1}."
            )
        limit = room if prompt.most_new is None else min(room, prompt.most_new)
        chances = random.Random(prompt.seed % 2**64)
        return _Row(number, list(prompt.ids), len(prompt.ids), limit, chances)

    def _decoded(
        self, waiting: deque[_Row], cache: KeyValueCache
    ) -> Iterator[tuple[int, GeneratedSpeech | Exception]]:
        rows: list[_Row] = []
        while waiting or rows:
            while waiting and len(rows) < cache.rows:
                self._read(waiting[0], cache, len(rows))
                rows.append(waiting.popleft())
            columns = self._next(rows, cache)
            for place in reversed(range(len(rows))):
                answer = self._extended(rows[place], columns[place])
                if answer is not None:
                    yield rows[place].number, answer
                    _leave(rows, place, cache)

    def _read(self, row: _Row, cache: KeyValueCache, place: int) -> None:
        """Put the prompt into the cache, but for its last id, which the first step takes."""
        ids = torch.tensor(row.ids[:-1], device=self._slopes.device)
        for start in range(0, row.position, PROMPT_BLOCK):
            end = min(start + PROMPT_BLOCK, row.position)
            self._model(ids[start:end], PromptBlock(cache, place, start, end, self._slopes))

    def _next(self, rows: list[_Row], cache: KeyValueCache) -> list[int]:
        newest, positions = [row.ids[-1] for row in rows], [row.position for row in rows]
        scores = self._steps.scores(cache, newest, positions)
        if self._forbidden is not None:
            places = [row.new % len(self._forbidden) for row in rows]
            scores = scores.masked_fill(self._forbidden[places], float("-inf"))
        if self._sampling.repetition_aware:
            self._ban(rows, scores)
        return drawn(scores, [row.chances.random() for row in rows], self._sampling)

    def _ban(self, rows: list[_Row], scores: torch.Tensor) -> None:
        for place, row in enumerate(rows):
            banned = repeated(row.ids)
            if banned in self._candidates.columns:
                scores[place, self._candidates.columns[banned]] = float("-inf")

    def _extended(self, row: _Row, column: int) -> GeneratedSpeech | Exception | None:
        """Appends what was drawn; the answer if that was the end, else None."""
        if column == len(self._candidates.ids):
            return GreenroomError("The language model's scores are not finite numbers.")
        drawn_id = self._candidates.ids[column]
        if drawn_id == self._candidates.end:
            return GeneratedSpeech(row.ids[row.prompt_ids :], ended=True)
        row.ids.append(drawn_id)
        if row.new == row.limit:
            return GeneratedSpeech(row.ids[row.prompt_ids :], ended=False)
        return None


def _leave(rows: list[_Row], place: int, cache: KeyValueCache) -> None:
    """Take a row away; the last one moves to its place."""
    last = rows.pop()
    if place < len(rows):
        cache.move(len(rows), place, last.position)
        rows[place] = last

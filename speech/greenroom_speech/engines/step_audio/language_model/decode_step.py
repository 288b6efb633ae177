"""One decoding step of several rows: their newest ids in, scores of what follows out."""

from collections.abc import Sequence
from typing import Protocol

import torch

from greenroom_speech.engines.step_audio.language_model.attention import DecodeStep
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.step1 import Step1


class Steps(Protocol):
    """What decodes."""

    def scores(
        self, cache: KeyValueCache, ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        """Float32 scores (n, columns) for the first n rows of the cache.

        ``ids`` are the newest of each row, ``positions`` where they stand. The result may be
        overwritten by the next call.
        """
        ...


class PlainSteps:
    """Each operation is started by itself."""

    def __init__(self, model: Step1, ranges: tuple[range, ...], slopes: torch.Tensor) -> None:
        self._model = model
        self._ranges = ranges
        self._slopes = slopes

    def scores(
        self, cache: KeyValueCache, ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        device = self._slopes.device
        reach = max(positions) + 1
        cache.reach(len(ids), reach)
        step = DecodeStep(cache, torch.tensor(positions, device=device), self._slopes, reach)
        hidden = self._model(torch.tensor(ids, device=device), step)
        return self._model.scores(hidden, self._ranges)

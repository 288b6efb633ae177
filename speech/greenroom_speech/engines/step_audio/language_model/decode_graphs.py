"""Decoding steps as CUDA graphs: one launch instead of some hundreds.

Operations of a graph have fixed shapes and addresses. So there is one for each number of rows,
cache layout and reach, captured when it is first needed. No rows are added so that fewer graphs do:
the one after the last may hold a prompt that is being read. Weights and cache may leave the device
and come back to the same addresses in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from greenroom_speech.engines.step_audio.language_model.attention import DecodeStep
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

_REACH = 1024
_PIECE = 128
"""Keys that one part of the sum over them takes; _REACH is a multiple."""
_WARM_UPS = 2


@dataclass(frozen=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    inputs: torch.Tensor
    """Ids and positions, (2, rows)."""
    scores: torch.Tensor


class GraphedSteps:
    """As ``PlainSteps``, captured."""

    def __init__(self, model: Step1, ranges: tuple[range, ...], slopes: torch.Tensor) -> None:
        self._model = model
        self._ranges = ranges
        self._slopes = slopes
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: dict[tuple[int, int, int, int], _Captured] = {}

    def scores(
        self, cache: KeyValueCache, ids: Sequence[int], positions: Sequence[int]
    ) -> torch.Tensor:
        """Scores are valid until the next call."""
        reach = min(cache.capacity, -(-(max(positions) + 1) // _REACH) * _REACH)
        cache.reach(len(ids), reach)
        inputs = torch.tensor([ids, positions])
        key = (cache.rows, cache.capacity, len(ids), reach)
        if key not in self._graphs:
            self._graphs[key] = self._captured(cache, inputs.to(self._slopes.device), reach)
        captured = self._graphs[key]
        captured.inputs.copy_(inputs)
        captured.graph.replay()
        return captured.scores

    def _captured(self, cache: KeyValueCache, inputs: torch.Tensor, reach: int) -> _Captured:
        # The runs before the capture are real: with the real ids at their real positions they
        # write what the first replay writes again.
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._step(cache, inputs, reach)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            scores = self._step(cache, inputs, reach)
        return _Captured(graph, inputs, scores)

    def _step(self, cache: KeyValueCache, inputs: torch.Tensor, reach: int) -> torch.Tensor:
        step = DecodeStep(cache, inputs[1], self._slopes, reach, reach // _PIECE)
        return self._model.scores(self._model(inputs[0], step), self._ranges)

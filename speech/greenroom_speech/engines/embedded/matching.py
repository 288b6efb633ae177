"""Finding the frames of one speaker that sound like those of another.

Each speaker's codes are brought to mean 0 and deviation 1 first, so that what is compared is
the sound that is spoken and not the voice that speaks it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from greenroom_speech.engines.embedded.voice_profile import SILENT, UNVOICED, VOICED
from greenroom_speech.engines.embedded.world import Floats

ORDER = 24
CONTEXT = (-2, 0, 2)
"""Frames before and after that are compared too."""
ENERGY_WEIGHT = 0.5

Indexes = npt.NDArray[np.intp]
Descriptors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """Mean and deviation of a speaker's codes, shape (24,) each, per kind of frame."""

    mean: dict[int, Floats]
    std: dict[int, Floats]


def scale_of(codes: Floats, kinds: npt.NDArray[np.int32]) -> Scale:
    mean, std = {}, {}
    for kind in (UNVOICED, VOICED):
        rows = codes[kinds == kind, :ORDER]
        few = len(rows) < 2
        mean[kind] = np.zeros(ORDER) if few else rows.mean(axis=0)
        std[kind] = np.ones(ORDER) if few else np.maximum(rows.std(axis=0), 1e-3)
    return Scale(mean, std)


def descriptors(codes: Floats, kinds: npt.NDArray[np.int32], scale: Scale) -> Descriptors:
    """What is compared, shape (frames, 72) float32: normalised codes with context."""
    normal = np.zeros((len(codes), ORDER))
    for kind in (UNVOICED, VOICED):
        rows = kinds == kind
        normal[rows] = (codes[rows, :ORDER] - scale.mean[kind]) / scale.std[kind]
    normal[:, 0] *= ENERGY_WEIGHT
    places = np.arange(len(codes))
    shifted = [normal[np.clip(places + step, 0, len(codes) - 1)] for step in CONTEXT]
    return np.hstack(shifted).astype(np.float32)


def nearest(queries: Descriptors, targets: Descriptors, count: int) -> tuple[Indexes, Floats]:
    """The ``count`` nearest targets of each query and their Euclidean distances, nearest first.

    Shapes (queries, count); fewer columns where there are fewer targets.
    """
    count = min(count, len(targets))
    found = np.empty((len(queries), count), dtype=np.intp)
    apart = np.empty((len(queries), count), dtype=np.float64)
    norms = np.sum(targets**2, axis=1)
    for begin in range(0, len(queries), 1024):
        block = queries[begin : begin + 1024]
        square = norms - 2 * block @ targets.T + np.sum(block**2, axis=1)[:, None]
        some = np.argpartition(square, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(square, some, axis=1)
        order = np.argsort(values, axis=1)
        found[begin : begin + 1024] = np.take_along_axis(some, order, axis=1)
        sorted_values = np.take_along_axis(values, order, axis=1)
        apart[begin : begin + 1024] = np.sqrt(np.maximum(sorted_values, 0.0))
    return found, apart


def same_kind(kinds: npt.NDArray[np.int32], kind: int) -> Indexes:
    """Indexes of the frames of a kind; of all that are not silent where there is none of it."""
    rows = np.flatnonzero(kinds == kind)
    return rows if rows.size else np.flatnonzero(kinds != SILENT)

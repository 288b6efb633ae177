"""The styles of Kokoro's 54 voices, and what was measured of each.

``styles.npz`` is made by benchmarks/kokoro_styles.py from the official tables, 510 rows a voice, of
which 29 are kept; between them it is linear, with a relative error of 0.3 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from greenroom_speech.engines.kokoro.network import Style

FILE = files(__package__).joinpath("styles.npz")
ROWS = np.unique(np.round(np.geomspace(1, 510, 34)).astype(int)) - 1


@dataclass(frozen=True)
class Styles:
    """All voices, in the order of their names."""

    names: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    """Which of the 510 rows were kept."""
    table: npt.NDArray[np.float32]
    """Shape (voices, rows, 256)."""
    embeddings: npt.NDArray[np.float32]
    """Whose voice each is, shape (voices, 256), of length 1."""
    log_f0: npt.NDArray[np.float32]
    """Median of ln F0, shape (voices,)."""

    def style(self, shares: Mapping[str, float], phonemes: int) -> Style:
        """The mean of voices, weighted by shares that sum to 1, for so many phonemes."""
        rows = [self._row(name, phonemes) for name in shares]
        mixed: Style = np.average(rows, axis=0, weights=list(shares.values())).astype(np.float32)
        return mixed

    def _row(self, name: str, phonemes: int) -> Style:
        table = self.table[self.names.index(name)]
        row = min(max(phonemes, 0), int(self.rows[-1]))
        above = int(np.searchsorted(self.rows, row))
        if self.rows[above] == row:
            kept: Style = table[above]
            return kept
        low, high = self.rows[above - 1], self.rows[above]
        part = np.float32((row - low) / (high - low))
        mixed: Style = table[above - 1] * (1 - part) + table[above] * part
        return mixed


@cache
def styles() -> Styles:
    """Read once."""
    with FILE.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return Styles(
            tuple(str(name) for name in kept["names"]),
            kept["rows"].astype(np.int64),
            kept["table"].astype(np.float32),
            kept["embeddings"].astype(np.float32),
            kept["log_f0"].astype(np.float32),
        )

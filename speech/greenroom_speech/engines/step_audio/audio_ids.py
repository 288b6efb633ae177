"""The two codebooks of speech among the ids of the text tokenizer."""

from dataclasses import dataclass

LINGUISTIC = 1024
SEMANTIC = 4096


@dataclass(frozen=True)
class AudioIds:
    """Where the pieces ``<audio_0>``, ``<audio_1>``, ... lie."""

    first: int
    """Id of ``<audio_0>``."""

    @property
    def linguistic(self) -> range:
        """Ids of the first codebook: two of five ids of speech."""
        return range(self.first, self.first + LINGUISTIC)

    @property
    def semantic(self) -> range:
        """Ids of the second codebook: the other three of five."""
        return range(self.linguistic.stop, self.linguistic.stop + SEMANTIC)

    def codes(self, ids: list[int]) -> list[int]:
        """The n of each ``<audio_n>``: 0 to 5119."""
        return [number - self.first for number in ids]

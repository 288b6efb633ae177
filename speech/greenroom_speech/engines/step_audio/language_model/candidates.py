"""The ids that may be generated, as columns of the scores."""

from dataclasses import dataclass
from functools import cached_property

import torch

from greenroom_speech.engines.step_audio.audio_ids import AudioIds


@dataclass(frozen=True)
class Candidates:
    """Ranges of ids, one after another; each id once.

    Ids that are none of them are never generated: one outside of the codebooks cannot become
    sound.
    """

    end: int
    """Ends the speech."""
    ranges: tuple[range, ...]
    places: tuple[tuple[int, ...], ...] = ()
    """For each place of a repeating group the ranges that may stand there; empty: all."""

    @classmethod
    def of_speech(cls, end: int, audio: AudioIds, ordered: bool = False) -> "Candidates":
        """Both codebooks and the end; ``ordered``: only as two of the first, three of the other.

        The end may come at any place.
        """
        places = ((0, 1),) * 2 + ((0, 2),) * 3 if ordered else ()
        return cls(end, (range(end, end + 1), audio.linguistic, audio.semantic), places)

    @cached_property
    def ids(self) -> list[int]:
        """By column."""
        return [number for part in self.ranges for number in part]

    @cached_property
    def columns(self) -> dict[int, int]:
        """By id."""
        return {number: column for column, number in enumerate(self.ids)}

    @cached_property
    def forbidden(self) -> torch.Tensor | None:
        """Per place (rows) the columns that may not stand there; None: all may everywhere."""
        if not self.places:
            return None
        owner = torch.repeat_interleave(torch.tensor([len(part) for part in self.ranges]))
        allowed = [torch.isin(owner, torch.tensor(place)) for place in self.places]
        return ~torch.stack(allowed)

"""What differs between the releases of the weights: how they are asked, how one draws from them.

Sampling as upstream did at the time: in 2025 with the defaults of transformers 4.53.3 and a rule
against repetition, since 2026 from all ids.
"""

from dataclasses import dataclass

from greenroom_speech.engines.step_audio.language_model.sampling import Sampling
from greenroom_speech.engines.step_audio.prompts import Layout


@dataclass(frozen=True)
class ReleaseRules:
    """One year's ways."""

    layout: Layout
    names_speakers: bool
    """By a hash of the recording; else every speaker has the same name."""
    top_k: int
    repetition_aware: bool

    def sampling(self, temperature: float) -> Sampling:
        return Sampling(self.repetition_aware, temperature, self.top_k)


RELEASES = {
    "2026": ReleaseRules("B", names_speakers=False, top_k=0, repetition_aware=False),
    "2025": ReleaseRules("A", names_speakers=True, top_k=50, repetition_aware=True),
}

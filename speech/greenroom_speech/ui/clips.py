"""What one visitor has made: the last few clips, newest first."""

from dataclasses import dataclass

from greenroom_speech.ui.speech_requests import Clip

KEPT = 8


@dataclass(frozen=True)
class Clips:
    """Bounded; a new one for each change, so that nobody shares it by mistake."""

    clips: tuple[Clip, ...] = ()

    def with_clip(self, clip: Clip) -> "Clips":
        """The new one first, at most KEPT."""
        return Clips((clip, *self.clips)[:KEPT])

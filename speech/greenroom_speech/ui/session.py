"""What one visitor has made: the last few sounds, newest first."""

from dataclasses import dataclass

from greenroom_speech.ui.speech_requests import Sound

KEPT = 8


@dataclass(frozen=True)
class Session:
    """Bounded; a new one for each change, so that nobody shares it by mistake."""

    sounds: tuple[Sound, ...] = ()

    def with_sound(self, sound: Sound) -> "Session":
        """Return the session with one sound more."""
        return Session((sound, *self.sounds)[:KEPT])

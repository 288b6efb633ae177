"""What the users of a run have asked and been answered."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

AUDIO_SECONDS = "audio_seconds"
"""Key of a request's context: the seconds of sound in a good answer."""
FIRST_SOUND = "first_sound"
"""Likewise: the seconds until the first audible sample, of users who listen to it as it comes."""


@dataclass
class Tally:
    """Counts; a request that is asked and never answered is one that failed."""

    asked: int = 0
    audio_seconds: float = 0.0
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """How long each request took that was answered, by where it was asked."""
    first_sounds: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    begun: float = field(default_factory=time.monotonic)
    ended: float = field(default_factory=time.monotonic)
    """When the last answer came."""

    @property
    def answered(self) -> int:
        """Requests with a good answer."""
        return sum(map(len, self.seconds.values()))

    @property
    def failed(self) -> int:
        """Requests without one."""
        return self.asked - self.answered

    def count(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float,
        context: dict[str, Any],
        exception: Any,
        **event: Any,
    ) -> None:
        """Take one `request` event of Locust."""
        self.ended = time.monotonic()
        if exception is not None:
            self.errors[str(exception)] += 1
        elif AUDIO_SECONDS in context:
            self.seconds[f"{request_type} {name}"].append(response_time / 1e3)
            self.audio_seconds += context[AUDIO_SECONDS]
            if FIRST_SOUND in context:
                self.first_sounds.append(context[FIRST_SOUND])

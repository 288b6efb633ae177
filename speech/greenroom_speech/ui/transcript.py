"""What was heard in a recording, and the files that it is kept in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from greenroom_speech.api.subtitles import srt, vtt
from greenroom_speech.engines.times import Timed
from greenroom_speech.ui.gateway_client import GatewayError
from greenroom_speech.ui.stoppable_work import StoppableWork

_BETWEEN = 8
"""Characters that may stand between two words."""


@dataclass(frozen=True)
class Segment:
    """What was said without a long pause, and its words, if their times are known."""

    said: Timed
    words: tuple[Timed, ...]


class GrowingTranscript(StoppableWork):
    """Grows while a recording is heard."""

    seconds: float | None = None
    """How long the recording lasts; None while that is unknown."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.segments: list[Segment] = []

    @property
    def heard(self) -> float:
        """Seconds of the recording up to the last words."""
        return self.segments[-1].said.end if self.segments else 0.0

    def add(self, event: Mapping[str, Any]) -> None:
        """Take one of the service's events. Raises GatewayError for one of an error."""
        match event["type"]:
            case "transcript.text.delta":
                self.text += event["delta"]
            case "transcript.text.segment":
                words = tuple(_timed(one, one["word"]) for one in event["words"])
                self.segments.append(Segment(_timed(event, event["text"]), words))
            case "error":
                raise GatewayError(event["error"]["message"])

    def files(self) -> dict[str, str]:
        """The files that can be made of it, by the ends of their names."""
        if not self.text:
            return {}
        words = list(self._words())
        subtitles = {"srt": srt(words), "vtt": vtt(words)} if words else {}
        return {"txt": self.text + "\n", **subtitles}

    def _words(self) -> Iterator[Timed]:
        """With the spaces that the text has before them."""
        at = 0
        for segment in self.segments:
            for word in segment.words:
                found = self.text.find(word.text, at, at + len(word.text) + _BETWEEN)
                space = "" if found == at else " "
                at = found + len(word.text) if found >= 0 else at
                yield Timed(space + word.text, word.start, word.end)


def _timed(times: Mapping[str, Any], text: str) -> Timed:
    return Timed(text, times["start"], times["end"])

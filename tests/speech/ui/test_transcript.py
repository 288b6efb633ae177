"""A transcript that grows by the service's events, and its files."""

import pytest

from greenroom_speech.ui.gateway_client import GatewayError
from greenroom_speech.ui.transcript import GrowingTranscript


def heard(*segments):
    """Each segment as its words with the seconds at which they begin."""
    transcript = GrowingTranscript()
    for space, words in segments:
        text = space.join(word for word, _ in words)
        before = space if transcript.text else ""
        transcript.add({"type": "transcript.text.delta", "delta": before + text})
        timed = [{"word": word, "start": at, "end": at + 0.5} for word, at in words]
        times = {"start": words[0][1], "end": words[-1][1] + 0.5}
        event = {"type": "transcript.text.segment", "text": text, "words": timed, **times}
        transcript.add(event)
    return transcript


@pytest.mark.parametrize(
    ("space", "words", "line"),
    [
        (" ", (("a", 0), ("a", 1), ("b,", 2)), "a a b,"),
        ("", (("今天", 0), ("你好。", 1)), "今天你好。"),
    ],
)
def test_words_are_joined_as_in_the_text(space, words, line):
    transcript = heard((space, words), (space, [(word, at + 10) for word, at in words]))
    files = transcript.files()
    assert files["txt"] == f"{line}{space}{line}\n"
    assert files["srt"].count(f"\n{line}\n") == 2
    assert files["vtt"].count(f"\n{line}\n") == 2
    assert transcript.heard == words[-1][1] + 10.5


def test_without_times_there_is_the_text_alone_and_without_words_nothing():
    transcript = GrowingTranscript()
    assert transcript.files() == {}
    transcript.add({"type": "transcript.text.delta", "delta": "Hello."})
    transcript.add({"type": "transcript.text.done", "text": "Hello."})
    assert transcript.files() == {"txt": "Hello.\n"}
    with pytest.raises(GatewayError, match="Too late"):
        transcript.add({"type": "error", "error": {"message": "Too late."}})

"""When words and sentences of a recording were said: the outputs of ``asr`` made on request."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from greenroom.managed.engine import Tensors, wants
from greenroom_speech.engines.audio_input import Samples
from greenroom_speech.sentences import sentences

WORDS, SEGMENTS = ("WORD_TEXTS", "WORD_TIMES"), ("SEGMENT_TEXTS", "SEGMENT_TIMES")
FRAMES_PER_SECOND, SILENCE = 100, 10 ** (-35 / 20)
PAUSE = 0.7
"""Seconds without a word that end a segment, whatever the punctuation says."""


@dataclass(frozen=True)
class Timed:
    """A word or a segment, and the seconds at which it begins and ends.

    A word begins with the space before it: all of them joined are the transcript.
    """

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Heard:
    """What is said in a recording."""

    text: str
    words: Sequence[Timed] = ()
    """Only where the request wants times."""


def wants_times(request: Tensors) -> bool:
    return wants(request, *WORDS, *SEGMENTS)


def time_tensors(words: Iterable[Timed], seconds: float) -> Tensors:
    """The four outputs, for a recording of so many seconds: texts [n], times [n, 2]."""
    in_order = list(ordered(words, seconds))
    return {**_tensors(WORDS, in_order), **_tensors(SEGMENTS, list(segments(in_order)))}


def ordered(words: Iterable[Timed], seconds: float) -> Iterator[Timed]:
    """Words that lie within the recording and do not overlap."""
    at = 0.0
    for word in words:
        start = min(max(word.start, at), seconds)
        at = min(max(word.end, start), seconds)
        yield replace(word, start=start, end=at)


def from_sound(words: Iterable[Timed], samples: Samples, rate: int) -> list[Timed]:
    """Let a word that begins in silence begin where the sound does, if it sounds at all.

    For engines that know when their attention moved on to a word, which after a pause is long
    before it is said. Silence: 35 dB below the level that a twentieth of the recording reaches.
    """
    frame = max(rate // FRAMES_PER_SECOND, 1)
    count = len(samples) // frame
    levels = np.sqrt(np.mean(samples[: count * frame].reshape(count, frame) ** 2, axis=1))
    sounds = levels > np.percentile(levels, 95) * SILENCE if count else levels > 0

    def begun(word: Timed) -> Timed:
        first, last = (round(at * FRAMES_PER_SECOND) for at in (word.start, word.end))
        here = sounds[first:last]
        if here.any() and not here[0]:
            return replace(word, start=(first + int(np.argmax(here))) / FRAMES_PER_SECOND)
        return word

    return [begun(word) for word in words]


def segments(words: Sequence[Timed]) -> Iterator[Timed]:
    """The words' sentences, cut at long pauses."""
    for said in by_sentence(words):
        text = "".join(word.text for word in said)
        yield Timed(text, said[0].start, said[-1].end)


def by_sentence(words: Sequence[Timed]) -> Iterator[list[Timed]]:
    """The words of each sentence, cut at long pauses."""
    ends = _sentence_ends("".join(word.text for word in words))
    said: list[Timed] = []
    length = 0
    for word in words:
        ended = bool(ends) and ends[0] <= length
        if said and (ended or word.start - said[-1].end >= PAUSE):
            yield said
            said = []
        while ends and ends[0] <= length:
            ends.pop(0)
        said.append(word)
        length += len(word.text)
    if said:
        yield said


def spread(texts: Sequence[str], start: float, end: float) -> list[Timed]:
    """Words of which only the time of all is known, each with a share by its length."""
    lengths = np.array([len(text.strip()) + 1 for text in texts], float)
    borders = start + np.concatenate(([0.0], np.cumsum(lengths))) * (end - start) / lengths.sum()
    return [
        Timed(text, float(begin), float(stop))
        for text, begin, stop in zip(texts, borders, borders[1:], strict=False)
    ]


def _sentence_ends(text: str) -> list[int]:
    """How many characters come before the end of each sentence but the last."""
    ends = np.cumsum([len(sentence) for sentence in sentences(text)])[:-1]
    return [int(end) for end in ends]


def _tensors(names: tuple[str, str], timed: Sequence[Timed]) -> Tensors:
    texts, times = names
    return {
        texts: np.array([one.text.strip() for one in timed], dtype=np.object_),
        times: np.array([(one.start, one.end) for one in timed], np.float32).reshape(-1, 2),
    }

"""When words and sentences of a recording were said: the outputs of ``asr`` made on request."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from greenroom.managed.engine import Tensors, wants
from greenroom_speech.sentences import sentences

WORDS, SEGMENTS = ("WORD_TEXTS", "WORD_TIMES"), ("SEGMENT_TEXTS", "SEGMENT_TIMES")
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

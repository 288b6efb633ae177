"""Subtitles of words with times: SubRip (srt) and WebVTT (vtt).

A caption has at most two lines of 42 columns and 7 s, as broadcasters have them, and stays for a
second at least. Sentences come apart at clauses and pauses; short ones that follow at once share
a caption.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from greenroom_speech.engines.times import PAUSE, Timed, by_sentence, spread

COLUMNS = 42
"""Of a line; a Chinese character takes two."""
LONGEST, SHORTEST = 7.0, 1.0
"""Seconds of a caption."""
_CLAUSE = tuple(",;:—，、；：")
_CLAUSE_WORTH = 0.5
"""How uneven two parts may be, as a share of both, to be cut after a clause."""
_MOST_PAUSE = 0.5


@dataclass(frozen=True)
class Caption:
    """What is on the screen at one time; seconds."""

    lines: tuple[str, ...]
    start: float
    end: float


def srt(words: Sequence[Timed]) -> str:
    return "\n".join(
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n" + _text(one.lines)
        for number, one in enumerate(captions(words), 1)
    )


def vtt(words: Sequence[Timed]) -> str:
    told = [
        f"{_clock(one.start, '.')} --> {_clock(one.end, '.')}\n"
        + escape(_text(one.lines), quote=False)
        for one in captions(words)
    ]
    return "\n".join(["WEBVTT\n", *told])


def captions(words: Sequence[Timed]) -> list[Caption]:
    """In order, none while another one is there."""
    shown: list[Caption] = []
    for group in _joined(_groups(words)):
        start = max(group[0].start, shown[-1].end if shown else 0.0)
        end = max(min(group[-1].end, start + LONGEST), start + SHORTEST)
        shown.append(Caption(_lines(group) or (), round(start, 3), round(end, 3)))
    return shown


def _groups(words: Sequence[Timed]) -> Iterator[list[Timed]]:
    short = [part for word in words for part in _short(word)]
    for sentence in by_sentence(short):
        yield from _fitting(sentence)


def _fitting(words: list[Timed]) -> Iterator[list[Timed]]:
    """The words, halved as often as needed."""
    if len(words) == 1 or _fits(words):
        yield words
        return
    cut = min(range(1, len(words)), key=lambda place: _cost(words, place))
    yield from _fitting(words[:cut])
    yield from _fitting(words[cut:])


def _cost(words: list[Timed], place: int) -> float:
    """Of a cut before a word: even parts are good, a clause or a pause is better."""
    before, after = _width(_plain(words[:place])), _width(_plain(words[place:]))
    cost = abs(before - after) / (before + after)
    if words[place - 1].text.endswith(_CLAUSE):
        cost -= _CLAUSE_WORTH
    return cost - min(words[place].start - words[place - 1].end, _MOST_PAUSE)


def _joined(groups: Iterator[list[Timed]]) -> Iterator[list[Timed]]:
    """Groups that are too short to be read, with a neighbour where there is room."""
    waiting: list[Timed] = []
    for group in groups:
        near = waiting and group[0].start - waiting[-1].end < PAUSE
        short = any(one and one[-1].end - one[0].start < SHORTEST for one in (waiting, group))
        if near and short and _fits(waiting + group):
            waiting = waiting + group
            continue
        if waiting:
            yield waiting
        waiting = group
    if waiting:
        yield waiting


def _fits(words: list[Timed]) -> bool:
    return words[-1].end - words[0].start <= LONGEST and _lines(words) is not None


def _lines(words: list[Timed]) -> tuple[str, ...] | None:
    """One line or two about equally long; None where they would be too long."""
    if _width(_plain(words)) <= COLUMNS:
        return (_plain(words),)
    pairs = [(_plain(words[:place]), _plain(words[place:])) for place in range(1, len(words))]
    fair = [pair for pair in pairs if max(map(_width, pair)) <= COLUMNS]
    return min(fair, key=lambda pair: max(map(_width, pair)), default=None)


def _short(word: Timed) -> list[Timed]:
    """What is wider than a line, in parts that are not."""
    if _width(word.text) <= COLUMNS:
        return [word]
    size = COLUMNS // 2
    parts = [word.text[at : at + size] for at in range(0, len(word.text), size)]
    return spread(parts, word.start, word.end)


def _plain(words: Sequence[Timed]) -> str:
    return " ".join("".join(word.text for word in words).split())


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def _text(lines: tuple[str, ...]) -> str:
    return "\n".join(lines) + "\n"


def _clock(seconds: float, mark: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}{mark}{thousandths:03}"

"""Long texts cut into pieces that a model says in one go: sentences, or parts of long ones."""

import re
from collections.abc import Iterator
from math import ceil

LONGEST_SECONDS = 20.0
"""Speech of one piece: several sentences, and far from the most that the model can say at once."""
_WIDE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Kana, Han and Hangul: a syllable or more in one character."""
_WIDE_SECONDS, _DIGIT_SECONDS, _OTHER_SECONDS = 0.22, 0.3, 0.065
_END = re.compile(r"""[.!?。！？｡…]+["'”’」』）)】》]*|\n""")
_OPENING = "\"'“‘「『（([【《¿¡"
_LONGEST_WORD = 80
"""Characters of a word that is an abbreviation, or a number."""
_FOLLOWING = re.compile(rf"(?s)(?=[\s{_WIDE}{re.escape(_OPENING)}])\s*[{re.escape(_OPENING)}]*(.?)")
"""What may come after the end of a sentence, and the first character of its words."""
_SPACE = re.compile(rf"[\s{re.escape(_OPENING)}]")
_CLAUSE = re.compile(rf"[，、；：—]|[,;:](?=[\s{_WIDE}])")
_BOUNDARIES = (_CLAUSE, re.compile(r"\s"), re.compile(r"(?s)."))
_TAG = re.compile(r"\[[^\[\]]{1,30}\]")
_ABBREVIATION = re.compile(
    r"mrs?|ms|mx|dr|prof|rev|hon|gen|col|capt|lt|sgt|sr|jr|st|mt|messrs|vs|etc|eg|ie|cf|al|approx|"
    r"dept|est|inc|ltd|co|corp|bros|am|pm|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_BEFORE_NUMBERS = re.compile("nos?|nr|fig|vol|pp|art|sec|ch")


def pieces(text: str, longest: float = LONGEST_SECONDS) -> list[str]:
    """A text's pieces in order, each of at most ``longest`` seconds as one reads it aloud.

    Sentences stay whole where they can, and short neighbours stay together, so that pieces are
    about equally long. White space is one space within a piece, none at its ends; tags in
    brackets are not cut.
    """
    parts = [part for sentence in sentences(text) for part in _fitting(sentence, longest)]
    joined = (" ".join(piece.split()) for piece in _packed(parts, longest))
    return [piece for piece in joined if piece]


def spoken_seconds(text: str) -> float:
    """About how long one takes to say a text, by its characters."""
    wide = len(re.findall(f"[{_WIDE}]", text))
    digits = len(re.findall(r"\d", text))
    others = len(text) - wide - digits
    return wide * _WIDE_SECONDS + digits * _DIGIT_SECONDS + others * _OTHER_SECONDS


def sentences(text: str) -> Iterator[str]:
    """The text cut after each sentence; white space stays where it is.

    No part is looked at more than a few times, for a text may be nothing but full stops.
    """
    words = _TAG.sub(lambda tag: " " * len(tag[0]), text)
    last = next((at for at in reversed(range(len(words))) if words[at].isalnum()), -1)
    start = looked = 0
    says = False
    for mark in _END.finditer(text):
        says = says or any(sign.isalnum() for sign in words[looked : mark.end()])
        looked = mark.end()
        # What is no sentence alone, as a tag at the end, is said with its neighbour.
        if says and last >= looked and _is_end(text, start, mark):
            yield text[start:looked]
            start, says = looked, False
    yield text[start:]


def _is_end(text: str, start: int, mark: re.Match[str]) -> bool:
    """A sentence that begins at `start` ends with the mark; text comes after it."""
    if mark[0] == "\n" or any(sign in mark[0] for sign in "。！？｡"):
        return True
    following = _FOLLOWING.match(text, mark.end())
    if not following:
        return False
    if following[1].islower():
        return False
    before = text[max(start, mark.start() - _LONGEST_WORD) : mark.start()]
    return mark[0][0] != "." or mark[0].startswith("..") or not _abbreviates(before, following[1])


def _abbreviates(before: str, following: str) -> bool:
    """True if a full stop belongs to the word before it."""
    word = _SPACE.split(before)[-1].lower()
    if re.fullmatch(r"[^\W\d_]", word) or "." in word:
        return not word.replace(".", "").isdigit()
    if _BEFORE_NUMBERS.fullmatch(word):
        return following.isdigit()
    return bool(_ABBREVIATION.fullmatch(word)) or before.strip().isdigit()


def _fitting(sentence: str, longest: float) -> Iterator[str]:
    """A sentence, halved as often as needed: between clauses, else words, else anywhere."""
    cut = _middle(sentence) if spoken_seconds(sentence) > longest else 0
    if cut:
        yield from _fitting(sentence[:cut], longest)
        yield from _fitting(sentence[cut:], longest)
    else:
        yield sentence


def _middle(sentence: str) -> int:
    """The best place to cut near the middle; 0: there is none."""
    middle = len(sentence) / 2
    inside = {at for tag in _TAG.finditer(sentence) for at in range(tag.start() + 1, tag.end())}
    for boundary in _BOUNDARIES:
        cuts = [mark.end() for mark in boundary.finditer(sentence)]
        fair = [cut for cut in cuts if abs(cut - middle) <= middle / 2 and cut not in inside]
        if fair:
            return min(fair, key=lambda cut: abs(cut - middle))
    return 0


def _packed(parts: list[str], longest: float) -> Iterator[str]:
    """Neighbours joined, as few pieces as there must be and about equally long."""
    total = sum(map(spoken_seconds, parts))
    fair = total / max(1, ceil(total / longest))
    piece, seconds = "", 0.0
    for part in parts:
        more = spoken_seconds(part)
        if piece and (seconds >= fair or seconds + more > longest):
            yield piece
            piece, seconds = "", 0.0
        piece, seconds = piece + part, seconds + more
    yield piece

"""Long texts cut into pieces that the model says in one go: sentences, or parts of long ones."""

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
    parts = [part for sentence in _sentences(text) for part in _fitting(sentence, longest)]
    joined = (" ".join(piece.split()) for piece in _packed(parts, longest))
    return [piece for piece in joined if piece]


def spoken_seconds(text: str) -> float:
    """About how long one takes to say a text, by its characters."""
    wide = len(re.findall(f"[{_WIDE}]", text))
    digits = len(re.findall(r"\d", text))
    others = len(text) - wide - digits
    return wide * _WIDE_SECONDS + digits * _DIGIT_SECONDS + others * _OTHER_SECONDS


def _sentences(text: str) -> Iterator[str]:
    """The text cut after each sentence; white space stays where it is."""
    start = 0
    for mark in _END.finditer(text):
        sentence, rest = text[start : mark.end()], text[mark.end() :]
        # What is no sentence alone, as a tag at the end, is said with its neighbour.
        whole = _says_something(sentence) and _says_something(rest)
        if whole and _is_end(text[start : mark.start()], mark[0], rest):
            yield sentence
            start = mark.end()
    yield text[start:]


def _is_end(before: str, mark: str, after: str) -> bool:
    if mark == "\n" or any(sign in mark for sign in "。！？｡"):
        return True
    if after and not re.match(rf"[\s{_WIDE}{re.escape(_OPENING)}]", after):
        return False
    following = after.lstrip().lstrip(_OPENING)
    if following[:1].islower():
        return False
    return mark[0] != "." or mark.startswith("..") or not _abbreviates(before, following)


def _abbreviates(before: str, following: str) -> bool:
    """True if a full stop belongs to the word before it."""
    word = re.split(rf"[\s{re.escape(_OPENING)}]", before)[-1].lower()
    if re.fullmatch(r"[^\W\d_]", word) or "." in word:
        return not word.replace(".", "").isdigit()
    if _BEFORE_NUMBERS.fullmatch(word):
        return following[:1].isdigit()
    return bool(_ABBREVIATION.fullmatch(word)) or before.strip().isdigit()


def _says_something(text: str) -> bool:
    return any(sign.isalnum() for sign in _TAG.sub("", text))


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
    middle, tags = len(sentence) / 2, [tag.span() for tag in _TAG.finditer(sentence)]
    for boundary in _BOUNDARIES:
        cuts = [mark.end() for mark in boundary.finditer(sentence)]
        fair = [
            cut
            for cut in cuts
            if abs(cut - middle) <= middle / 2 and not any(a < cut < b for a, b in tags)
        ]
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

"""Numbers, dates, times, money, units and abbreviations as they are spoken.

By wetext, the runtime of WeTextProcessing, for English, Mandarin and Japanese; what it reads
wrongly or stops at is read by ``english`` and the rules here. Other languages are left to their
engines, which read figures themselves.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from greenroom_speech.reading.english import english
from greenroom_speech.reading.english_signs import named
from greenroom_speech.reading.figures import in_digits
from greenroom_speech.reading.protected import HAN, split

_LONGEST = 300
"""Characters that wetext gets at once; its time grows with them."""
_WORTH = re.compile(
    r"[\d%$€£¥￥℃℉°&@\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u215f]|://"
    r"|\b(?:mr|mrs|ms|dr|prof)\.",
    re.IGNORECASE,
)
"""What has a spoken form of its own."""
# wetext escapes quotes and backslashes, eats line breaks and raises at most of the others.
_NOT_ITS = re.compile(r"""(["\\\r\n\[\]@^#+№_~`|{}<>*]+)""")
_KANA, _HANGUL = "\u3040-\u30ff", "\u1100-\u11ff\uac00-\ud7af"
_SCRIPTS = re.compile(rf"([{HAN}{_KANA}])|([{_HANGUL}])|([^\W\d_])")
_CHINESE = ("zh", "yue", "sichuanese")


def spoken_form(text: str, language: str, tags: Sequence[str] = ()) -> str:
    """A sentence with words for its figures; ``language`` is its language's code.

    Where a text mixes scripts, each run is read in its own language. Tags and pinyin stay as
    they are. Takes milliseconds, the first call half a second: call it in a thread.
    """
    return "".join(
        part if kept else "".join(_said(run, code) for run, code in _runs(part, language))
        for part, kept in split(text, tags)
    )


def _runs(text: str, language: str) -> Iterator[tuple[str, str]]:
    """The text cut where its script changes; what has none goes with what is before it."""
    start, code = 0, ""
    for letter in _SCRIPTS.finditer(text):
        own = _language(letter, text, language)
        if code and own != code:
            yield text[start : letter.start()], code
            start = letter.start()
        code = own
    yield text[start:], code or _plain(language)


def _language(letter: re.Match[str], text: str, language: str) -> str:
    if letter[1]:
        return "ja" if _plain(language) == "ja" or re.search(f"[{_KANA}]", text) else "zh"
    if letter[2]:
        return "ko"
    # Latin letters in a text of another script are mostly English.
    return "en" if _plain(language) in ("zh", "ja", "ko") else _plain(language)


def _plain(language: str) -> str:
    return "zh" if language in _CHINESE else language


def _said(run: str, language: str) -> str:
    said = _figured(run, language)
    return named(said) if language == "en" else said


def _figured(run: str, language: str) -> str:
    if language not in ("en", "zh", "ja") or not _WORTH.search(run):
        return run
    run = re.sub(r"[^\S\r\n]+", " ", run).replace("\u2212", "-")
    run = english(run) if language == "en" else in_digits(run, language)
    return "".join(
        piece if _NOT_ITS.fullmatch(piece) else "".join(_by_wetext(part, language))
        for piece in _NOT_ITS.split(run)
        for part in _cut(piece)
    )


def _cut(piece: str) -> Iterator[str]:
    while len(piece) > _LONGEST:
        at = piece.rfind(" ", 0, _LONGEST) + 1 or _LONGEST
        yield piece[:at]
        piece = piece[at:]
    yield piece


def _by_wetext(part: str, language: str) -> Iterator[str]:
    if not _WORTH.search(part):
        yield part
        return
    # It strips what it gets.
    core = part.strip()
    before, after = part[: part.index(core)], part[part.index(core) + len(core) :]
    yield before
    try:
        yield str(_normalizer(language).normalize(core))
    except AssertionError:
        # It knows no way through some characters. Those around these are still read.
        head, space, tail = core.partition(" ")
        if space:
            yield from _by_wetext(head, language)
            yield space
            yield from _by_wetext(tail, language)
        else:
            yield core
    yield after


@cache
def _normalizer(language: str) -> Any:
    from wetext import Normalizer

    return Normalizer(lang=language, operator="tn")

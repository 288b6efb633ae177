"""Raised and lowered figures, fractions and signs, in English."""

import re
import unicodedata
from collections.abc import Callable

from greenroom_speech.reading.english_numbers import number

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]
"""What is to be read in other words, and these."""
_PARTS = ("half", "third", "quarter", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_RAISED, _LOWERED = "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉"
_PLAIN = str.maketrans(_RAISED + _LOWERED + "ⁿ⁺⁻", "0123456789" * 2 + "n+-")
_GREEK = {
    letter: unicodedata.name(letter).split()[3].lower() for letter in "αβγδεζηθικλμνξοπρστυφχψω"
}
_NAMES = {
    **_GREEK,
    **{letter.upper(): name for letter, name in _GREEK.items()},
    "λ": "lambda", "Λ": "lambda", "µ": "mu", "ς": "sigma",
    "±": "plus or minus", "×": "times", "÷": "divided by", "≈": "about", "≠": "not equal to",
    "≤": "at most", "≥": "at least", "∞": "infinity", "√": "the root of", "→": "to",
    "‰": "per mille", "₹": "rupees", "₩": "won", "₽": "rubles", "₿": "bitcoin",
}  # fmt: skip
_GREEK_LETTER = r"[\u0370-\u03ff]"
_NAMED = re.compile(
    rf"(?<!{_GREEK_LETTER}){_GREEK_LETTER}{{1,2}}(?!{_GREEK_LETTER})|[±×÷≈≠≤≥∞√→‰₹₩₽₿µ]"
)
"""Greek letters that are signs, not words."""


def _part(found: re.Match[str]) -> str:
    above, below = (int(part) for part in unicodedata.normalize("NFKC", found[2]).split("\u2044"))
    words = f"{number(str(above))} {_PARTS[below - 2]}{'s' if above > 1 else ''}"
    if not found[1]:
        return words
    return f"{found[1]} and {words.replace('one half', 'a half')}"


def _charge(found: re.Match[str]) -> str:
    sign = "plus" if found[2] == "⁺" else "minus"
    return " ".join(("", *filter(None, (found[1].translate(_PLAIN), sign))))


def _power(found: re.Match[str]) -> str:
    figures = found[2].translate(_PLAIN)
    power = number(figures) if figures.isdecimal() else figures
    return f" to the {'minus ' if found[1] == '⁻' else ''}{power}"


RULES: tuple[Rule, ...] = (
    (re.compile(rf"([{_RAISED}]+)\u2044([{_LOWERED}]+)"),
     lambda found: f"{found[1].translate(_PLAIN)}/{found[2].translate(_PLAIN)}"),
    (re.compile(r"(?:(\d+)\s?)?([¼-¾⅐-⅞])"), _part),
    (re.compile(rf"(?<=\d)\s?s⁻¹(?![{_RAISED}])"), " per second"),
    (re.compile(rf"(?<=[A-Za-z])([{_RAISED}]*)([⁺⁻])(?![{_RAISED}])"), _charge),
    (re.compile(rf"(?:(?<=\d)|(?<=\b[a-ln-zA-Z]))²(?![{_RAISED}])"), " squared"),
    (re.compile(rf"(?:(?<=\d)|(?<=\b[a-ln-zA-Z]))³(?![{_RAISED}])"), " cubed"),
    # Units with a two or three are wetext's.
    (re.compile(rf"(?<=[A-Za-z0-9)])(?!(?<=[A-Za-z])[²³](?![{_RAISED}]))([⁺⁻]?)([{_RAISED}]+|ⁿ)"),
     _power),
    (re.compile(rf"(?<![A-Za-z0-9)])[{_RAISED}]+"),
     lambda found: found[0].translate(_PLAIN) + " "),
    (re.compile(rf"[{_LOWERED}]+"), lambda found: found[0].translate(_PLAIN)),
)  # fmt: skip


def named(text: str) -> str:
    """The text with the names of Greek letters that stand alone, and of common signs."""
    return _NAMED.sub(lambda found: _padded(found, text), text)


def _padded(found: re.Match[str], text: str) -> str:
    names = " ".join(_NAMES.get(sign, sign) for sign in found[0])
    start, end = found.span()
    before = " " if start and text[start - 1].isalnum() else ""
    after = " " if text[end : end + 1].isalnum() else ""
    return f"{before}{names}{after}"

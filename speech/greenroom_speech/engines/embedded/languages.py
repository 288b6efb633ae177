"""The languages the embedded voices speak, and which one a text is in."""

import re
from dataclasses import dataclass

from greenroom.errors import InvalidInput
from greenroom_speech.engines.text_input import UNSPEAKABLE


@dataclass(frozen=True)
class Language:
    """One language of the embedded engine."""

    code: str
    espeak: str
    """Its voice in espeak-ng."""
    aliases: tuple[str, ...] = ()
    """Other accepted values, lower case."""


LANGUAGES = (
    Language("en", "en-us", ("en-us", "en-gb", "english")),
    Language("zh", "cmn", ("cmn", "zh-cn", "zh-tw", "zh-hans", "chinese", "mandarin")),
    Language("yue", "yue", ("zh-hk", "zh-yue", "cantonese")),
    Language("ja", "ja", ("jp", "ja-jp", "japanese")),
    Language("ko", "ko", ("kr", "ko-kr", "korean")),
    Language("de", "de", ("de-de", "german")),
    Language("es", "es", ("es-es", "spanish")),
    Language("fr", "fr", ("fr-fr", "french")),
    Language("it", "it", ("it-it", "italian")),
    Language("pt", "pt-br", ("pt-br", "portuguese")),
    Language("nl", "nl", ("nl-nl", "dutch")),
    Language("pl", "pl", ("pl-pl", "polish")),
    Language("ru", "ru", ("ru-ru", "russian")),
    Language("uk", "uk", ("uk-ua", "ukrainian")),
    Language("tr", "tr", ("tr-tr", "turkish")),
    Language("ar", "ar", ("arabic",)),
    Language("hi", "hi", ("hi-in", "hindi")),
    Language("vi", "vi", ("vi-vn", "vietnamese")),
)
_BY_NAME = {name: lang for lang in LANGUAGES for name in (lang.code, *lang.aliases)}

_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_SCRIPTS = tuple(
    (code, re.compile(pattern), letters)
    for code, pattern, letters in (
        ("ja", r"[\u3040-\u30ff]", 3),
        ("ko", r"[\u1100-\u11ff\uac00-\ud7af]", 3),
        ("zh", _HAN.pattern, 3),
        ("ru", r"[\u0400-\u04ff]", 1),
        ("ar", r"[\u0600-\u06ff]", 1),
        ("hi", r"[\u0900-\u097f]", 1),
    )
)
"""Codes, their letters, and how many Latin ones each of these is worth."""


def language_of(text: str, given: str | None = None) -> Language:
    """The given language, else the one that the script of the text suggests.

    Latin letters count as English. Raises InvalidInput for a language that is not spoken here,
    naming those that are, and for Japanese text with kanji, which espeak-ng cannot read.
    """
    language = _named(given) if given else _BY_NAME[guess(text)]
    if language.code == "ja" and (kanji := _HAN.search(text)):
        raise InvalidInput(
            f"TEXT is {text[:40]!r}; {UNSPEAKABLE}, because it contains the kanji "
            f"{kanji.group()!r} and the embedded engine reads Japanese in kana only: write it in "
            "hiragana or katakana."
        )
    return language


def code_of(name: str | None) -> str | None:
    """The code of a language by its code, region or English name; the name itself if unknown."""
    if not name:
        return None
    plain = name.strip().lower().replace("_", "-")
    known = _BY_NAME.get(plain) or _BY_NAME.get(plain.partition("-")[0])
    return known.code if known else plain


def guess(text: str) -> str:
    """The language code that most letters of a text suggest, "en" for Latin letters.

    A few words of another script do not change the language, but Mandarin: its voices read Latin
    letters too, and no other reads its characters.
    """
    latin = len(_LATIN.findall(text))
    for code, pattern, letters in _SCRIPTS:
        count = len(pattern.findall(text))
        if code == "ja" and count:
            count += len(_HAN.findall(text))
        if count and (code == "zh" or count * letters >= latin):
            return code
    return "en"


def _named(name: str) -> Language:
    language = _BY_NAME.get(code_of(name) or "")
    if language is None:
        codes = ", ".join(lang.code for lang in LANGUAGES)
        raise InvalidInput(f"LANGUAGE is {name[:40]!r}; it must be one of {codes}.")
    return language

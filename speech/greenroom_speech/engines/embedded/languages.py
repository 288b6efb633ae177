"""The languages the embedded voices speak, and which one a text is in."""

import re
from dataclasses import dataclass

from greenroom.errors import InvalidInput


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

_SCRIPTS = (
    ("ja", r"[\u3040-\u30ff]"),
    ("ko", r"[\u1100-\u11ff\uac00-\ud7af]"),
    ("zh", r"[\u3400-\u9fff]"),
    ("ru", r"[\u0400-\u04ff]"),
    ("ar", r"[\u0600-\u06ff]"),
    ("hi", r"[\u0900-\u097f]"),
)


def language_of(text: str, given: str | None = None) -> Language:
    """The given language, else the one that the script of the text suggests.

    Latin letters count as English. Raises InvalidInput for a language that is not spoken here,
    naming those that are, and for Japanese text with kanji, which espeak-ng cannot read.
    """
    language = _named(given) if given else _BY_NAME[guess(text)]
    if language.code == "ja" and (kanji := re.search(r"[\u3400-\u9fff]", text)):
        raise InvalidInput(
            f"TEXT contains the kanji {kanji.group()!r}; the embedded engine reads Japanese in "
            "kana only, so write it in hiragana or katakana."
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
    """The language code that the script of a text suggests, "en" for Latin letters."""
    for code, pattern in _SCRIPTS:
        if re.search(pattern, text):
            return code
    return "en"


def _named(name: str) -> Language:
    language = _BY_NAME.get(name.strip().lower().replace("_", "-"))
    if language is None:
        codes = ", ".join(lang.code for lang in LANGUAGES)
        raise InvalidInput(f"LANGUAGE is {name[:40]!r}; the embedded engine speaks {codes}.")
    return language

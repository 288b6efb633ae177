"""The text to say as the model wants it: with its language in front where it is not obvious."""

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.languages import guess

LANGUAGE_TAGS = {
    "en": "",
    "zh": "",
    "sichuanese": "[Sichuanese]",
    "yue": "[Cantonese]",
    "ja": "[Japanese]",
    "ko": "[Korean]",
}
"""Mandarin and English need none."""

_NAMES = {
    "en": ("en-us", "en-gb", "english"),
    "zh": ("cmn", "zh-cn", "zh-tw", "zh-hans", "chinese", "mandarin"),
    "sichuanese": ("zh-sichuan",),
    "yue": ("zh-hk", "zh-yue", "cantonese"),
    "ja": ("jp", "ja-jp", "japanese"),
    "ko": ("kr", "ko-kr", "korean"),
}
_CODES = {name: code for code, names in _NAMES.items() for name in (code, *names)}


def spoken_text(text: str, language: str | None) -> str:
    """The text with the tag of its language in front.

    ``language`` is LANGUAGE; without it Japanese and Korean are known by their script. A text
    that already begins with a tag keeps it; InvalidInput for a language that is not spoken, or
    another one than the tag's.
    """
    begins = [tag for tag in LANGUAGE_TAGS.values() if tag and text.startswith(tag)]
    if language is None:
        return text if begins else LANGUAGE_TAGS.get(guess(text), "") + text
    tag = LANGUAGE_TAGS[_code(language)]
    if begins and begins != [tag]:
        raise InvalidInput(
            f"TEXT begins with {begins[0]!r} and LANGUAGE is {language[:40]!r}; "
            "they must name the same language."
        )
    return text if begins else tag + text


def _code(language: str) -> str:
    code = _CODES.get(language.strip().lower().replace("_", "-"))
    if code is None:
        raise InvalidInput(
            f"LANGUAGE is {language[:40]!r}; it must be one of {', '.join(LANGUAGE_TAGS)}."
        )
    return code

"""Languages by Whisper's codes."""

from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

from greenroom.errors import InvalidInput

ENGLISH = "en"


def language_code(given: str, count: int) -> str | None:
    """Whisper's code of ``AUDIO_LANGUAGE``; None where it is not given.

    Codes (``zh``), tags (``zh-CN``) and English names (``Chinese``) are understood. ``count`` is
    how many languages the checkpoint knows; InvalidInput for another one.
    """
    if not given.strip():
        return None
    name = given.strip().lower()
    primary = name.replace("_", "-").split("-")[0]
    known = list(LANGUAGES)[:count]
    for code in (name, TO_LANGUAGE_CODE.get(name), primary):
        if code in known:
            return code
    raise InvalidInput(
        f"AUDIO_LANGUAGE is {given[:40]!r}; it must be one of {', '.join(known)}, or absent."
    )

"""Words in a script that has no sound in the language of the text around them."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from itertools import groupby

_LATIN_ENDS = "\u024f"
_SIGN = "SIGN"
_ANY = frozenset(("", "COMBINING", "VARIATION", "MODIFIER"))


def foreign(text: str, scripts: Collection[str]) -> list[str]:
    """The words whose letters are of none of the scripts, as they stand.

    ``scripts`` are the first words of their letters' names in Unicode, such as "LATIN".
    """
    known = _ANY | set(scripts)
    runs = groupby(text, lambda sign: _script(sign) not in known)
    return ["".join(signs) for is_foreign, signs in runs if is_foreign]


def without_foreign(text: str, scripts: Collection[str]) -> str:
    """The text without such words; as it is if it has no others."""
    known = _ANY | set(scripts)
    rest = "".join(" " if _script(sign) not in known else sign for sign in text)
    return rest if any(map(str.isalnum, rest)) else text


@lru_cache(4096)
def _script(sign: str) -> str:
    """The name of a letter's script; empty for other characters, and for what all scripts have.

    Signs of mathematics and of money that nobody has found words for have a name of their own.
    """
    if sign <= _LATIN_ENDS:
        return ""
    category = unicodedata.category(sign)
    if category in ("Sm", "Sc"):
        return _SIGN
    if category[0] not in "LM":
        return ""
    plain = unicodedata.normalize("NFKC", sign)[0]
    return re.split("[ -]", unicodedata.name(plain, ""))[0]

"""Which names a voice may have: each is the name of its folder too."""

import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

from greenroom.errors import InvalidInput

_NAME = re.compile(r"[^\W_](?:[\w .-]{0,62}[\w-])?")
_EAST_ASIAN = "BOPOMOFO CJK HANGUL HIRAGANA IDEOGRAPHIC KATAKANA"
"""Scripts that stand side by side in one language."""
_INVISIBLE = "FILLER"
"""The end of the names of letters that show nothing."""
_LONGEST = 400
"""Characters of which the normal form is looked for: of many accents that takes minutes."""
_NEAR, _LONGEST_NEAR = 3, 100
"""Names that are similar enough, and characters of a name that are compared with them."""


def normal(name: str) -> str:
    """The name in NFC; what is too long for a name stays as it is."""
    return name if len(name) > _LONGEST else unicodedata.normalize("NFC", name)


def allowed(name: str) -> str:
    """The name as it is kept, in NFC. Raises InvalidInput."""
    kept = normal(name)
    if not _NAME.fullmatch(kept) or ".." in kept or not kept.isprintable():
        raise InvalidInput(
            f"name is {name[:80]!r}; it must have 1 to 64 letters, digits, spaces, dots, dashes "
            "or underlines, begin with a letter or digit, and not end with a dot or space."
        )
    if len(kept.encode()) > 200:
        raise InvalidInput(f"name has {len(kept.encode())} bytes; it must have at most 200.")
    return kept


def new(name: str) -> str:
    """What `allowed` returns, of a name that nobody can take for another one.

    Voices that are saved already may have others. Raises InvalidInput.
    """
    kept = allowed(name)
    scripts = {_script(sign) for sign in kept if sign.isalnum() and not sign.isascii()}
    if any(sign.isascii() and sign.isalpha() for sign in kept):
        scripts.add("LATIN")
    mixed = len(scripts) > 1 and scripts != {"LATIN", _EAST_ASIAN}
    if mixed or _INVISIBLE in scripts or unicodedata.normalize("NFKC", kept) != kept:
        raise InvalidInput(
            f"name is {name!r}; the letters of a new name must be visible, of usual form and width "
            "(NFKC), and of one script, but Latin ones may stand beside Chinese, Japanese or "
            "Korean ones."
        )
    return kept


def _script(letter: str) -> str:
    """By its name in Unicode."""
    name = unicodedata.name(letter, _INVISIBLE)
    if name.endswith(_INVISIBLE):
        return _INVISIBLE
    script = re.split("[ -]", name)[0]
    return _EAST_ASIAN if script in _EAST_ASIAN else script


def is_allowed(name: str) -> bool:
    """False too for a name that is allowed in another normal form only."""
    try:
        return allowed(name) == name
    except InvalidInput:
        return False


def similar(name: str, names: Iterable[str], most: int) -> list[str]:
    """Those that begin with a name, else a few that look like it, whatever the case."""
    every = {known.casefold(): known for known in names}
    wanted = name[:_LONGEST_NEAR].strip().casefold()
    longer = [known for known in every if wanted and known.startswith(wanted)]
    near = longer[:most] or get_close_matches(wanted, every, _NEAR)
    return [every[one] for one in near]

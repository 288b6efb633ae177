"""Which names a voice may have: each is the name of its folder too."""

import re
import unicodedata

from greenroom.errors import InvalidInput

_NAME = re.compile(r"[^\W_](?:[\w .-]{0,62}[\w-])?")


def allowed(name: str) -> str:
    """The name as it is kept, in NFC. Raises InvalidInput."""
    normal = unicodedata.normalize("NFC", name)
    if not _NAME.fullmatch(normal) or ".." in normal or not normal.isprintable():
        raise InvalidInput(
            f"name is {name[:80]!r}; it must have 1 to 64 letters, digits, spaces, dots, dashes "
            "or underlines, begin with a letter or digit, and not end with a dot or space."
        )
    if len(normal.encode()) > 200:
        raise InvalidInput(f"name has {len(normal.encode())} bytes; it must have at most 200.")
    return normal


def is_allowed(name: str) -> bool:
    """False too for a name that is allowed in another normal form only."""
    try:
        return allowed(name) == name
    except InvalidInput:
        return False

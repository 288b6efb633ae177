"""What others wrote, as a terminal may show it."""

import re

from rich.text import Text

_ODD = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]"
)
"""Controls of terminals, line ends, what changes the order of letters, and halves of characters."""


def printable(text: str, kept: str = "") -> str:
    """The text with characters that do something written out, but those that are `kept`."""
    return _ODD.sub(lambda found: found[0] if found[0] in kept else _written_out(found[0]), text)


def cell(value: object, style: str = "") -> Text:
    """A text in which nothing is markup."""
    return Text(printable(str(value)), style)


def _written_out(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 256 else f"\\u{ord(sign):04x}"

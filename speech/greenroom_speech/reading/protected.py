"""What of a text reaches the engine as it was written: tags, and pinyin with tone digits."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

_INITIALS = "b|p|m|f|d|t|n|l|g|k|h|j|q|x|zh|ch|sh|r|z|c|s|y|w"
_FINALS = (
    "a|o|e|i|u|v|ü|ai|ei|ui|ao|ou|iu|ie|ue|ve|üe|er|an|en|in|un|vn|ün|ang|eng|ing|ong|"
    "ia|ian|iang|iao|iong|ua|uai|uan|uang|uo"
)
HAN = "\u3400-\u9fff\uf900-\ufaff"
_ALONE = "a|o|e|ai|ei|ao|ou|er|an|en|ang|eng"
_SYLLABLES = rf"(?:(?:(?:{_INITIALS})(?:{_FINALS})|{_ALONE})[1-5])+"
# It stands for a character, so it is only looked for where characters are: not in "we need e2".
_PINYIN = rf"(?<=[{HAN}]){_SYLLABLES}(?![a-z0-9])|(?<![A-Za-z0-9]){_SYLLABLES}(?=[{HAN}])"


def split(text: str, tags: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """The parts of a text in order, each with True if it is protected. None is empty."""
    start = 0
    for found in _pattern(tuple(tags)).finditer(text):
        if found.start() > start:
            yield text[start : found.start()], False
        yield found[0], True
        start = found.end()
    if start < len(text):
        yield text[start:], False


@lru_cache(maxsize=16)
def _pattern(tags: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, tags), key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), _PINYIN]))

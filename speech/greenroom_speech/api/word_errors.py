"""How far what is heard is from what was to be said."""

import re

_TAG = re.compile(r"\[[^\[\]]*\]|<[^<>]*>")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A character of Chinese or Japanese, or a word of letters and digits."""


def words_of(text: str) -> list[str]:
    """What counts as a word: no tags, marks, apostrophes or case."""
    plain = re.sub("['\u2019]", "", _TAG.sub(" ", text)).casefold()
    return _WORD.findall(plain)


def word_errors(wanted: list[str], heard: list[str]) -> int:
    """The fewest words to change, add and leave out (Levenshtein's distance)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(wanted, 1):
        before, row[0] = row[0], place
        for column, other in enumerate(heard, 1):
            changed = before + (word != other)
            before = row[column]
            row[column] = min(changed, row[column] + 1, row[column - 1] + 1)
    return row[-1]

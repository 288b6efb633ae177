"""Word error rate: how far what was heard is from what was said."""

import re

_WORD = re.compile(r"[\w']+")


def word_error_rate(said: str, heard: str) -> float:
    """Return the edit distance in words over the number of words that were said.

    Case and punctuation do not count. Raises ValueError if nothing was said.
    """
    reference, words = (_WORD.findall(text.lower()) for text in (said, heard))
    if not reference:
        raise ValueError("Nothing was said.")
    costs = list(range(len(words) + 1))
    for row, expected in enumerate(reference, 1):
        diagonal, costs[0] = costs[0], row
        for column, word in enumerate(words, 1):
            change = diagonal + (word != expected)
            diagonal = costs[column]
            costs[column] = min(change, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1] / len(reference)

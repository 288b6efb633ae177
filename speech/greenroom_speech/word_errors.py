"""How far what was heard is from what was said, in words."""

import re

_WORD = re.compile(r"[\w']+")


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """The edit distance in words, and the number of words that were said.

    Their ratio is the word error rate. Case and punctuation do not count.
    """
    reference, words = (_WORD.findall(text.lower()) for text in (said, heard))
    costs = list(range(len(words) + 1))
    for row, expected in enumerate(reference, 1):
        diagonal, costs[0] = costs[0], row
        for column, word in enumerate(words, 1):
            change = diagonal + (word != expected)
            diagonal = costs[column]
            costs[column] = min(change, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1], len(reference)

"""OpenAI's `instructions`: what of them an engine can follow."""

import re
from collections.abc import Iterator

from greenroom_speech.engines.engine_tags import EngineTags

_FOLLOWED = ("emotion", "style")
_PART = re.compile(r"[.!?;\n]|\bbut\b")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_NEGATIONS = frozenset(("cannot", "dont", "never", "no", "not", "without"))


def edits_in(instructions: str, known: EngineTags) -> list[tuple[str, str]]:
    """Each task with the word for it that the instructions contain first; none twice.

    A word counts in its other forms too: whispering is whisper. What follows a negation in its
    sentence, or part of one before "but", is not asked for.
    """
    words = list(_wanted(instructions))
    found = []
    for task in _FOLLOWED:
        values = [value for value in known.tasks.get(task, ()) if value != "remove"]
        for word in words:
            named = next((value for value in values if _names(word, value)), None)
            if named:
                found.append((task, named))
                break
    return found


def _wanted(instructions: str) -> Iterator[str]:
    for part in _PART.split(instructions.lower().replace("\u2019", "'")):
        for word in _WORD.findall(part):
            if word in _NEGATIONS or word.endswith("n't"):
                break
            yield from word.split("'")


def _names(word: str, value: str) -> bool:
    return word == value or (len(value) > 4 and word.startswith(value))

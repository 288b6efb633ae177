"""OpenAI's `instructions`: what of them an engine can follow."""

import re

from greenroom_speech.engines.engine_tags import EngineTags

_FOLLOWED = ("emotion", "style")


def edits_in(instructions: str, known: EngineTags) -> list[tuple[str, str]]:
    """Each task with the word for it that the instructions contain first; none twice.

    A word counts in its other forms too: whispering is whisper.
    """
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", instructions)]
    found = []
    for task in _FOLLOWED:
        values = [value for value in known.tasks.get(task, ()) if value != "remove"]
        for word in words:
            named = next((value for value in values if _names(word, value)), None)
            if named:
                found.append((task, named))
                break
    return found


def _names(word: str, value: str) -> bool:
    return word == value or (len(value) > 4 and word.startswith(value))

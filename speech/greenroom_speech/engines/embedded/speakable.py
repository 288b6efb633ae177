"""Text cut into pieces that a synthesizer says in one breath."""

import re

LONGEST = 200
"""Characters. Flite takes a text as one utterance and grows slow and hungry on long ones."""
_SENTENCE = re.compile(r"[^.!?。！？…\n]+[.!?。！？…\n]*\s*")


def pieces(text: str) -> list[str]:
    """Sentences of at most 200 characters; longer ones are cut at a space or comma."""
    return [part for sentence in _SENTENCE.findall(text) for part in _cut(sentence.strip()) if part]


def _cut(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > LONGEST:
        head = sentence[:LONGEST]
        at = max(head.rfind(mark) for mark in " ,;，、；") + 1 or LONGEST
        parts.append(sentence[:at].strip())
        sentence = sentence[at:]
    return [*parts, sentence.strip()]

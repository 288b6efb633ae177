"""Phonemes cut into phrases that are said one after another."""

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LONGEST = 60
"""Phonemes: about 3 s of sound."""
SHORTEST = 25
"""Phonemes before a place where a sentence is cut."""
FIRST_WORDS = (3, 4, 2, 5)
"""Of the first phrase of an answer, which somebody waits for; the earlier the better."""
FIRST_LONGEST = 40
"""Phonemes of the first phrase, which take a second on two threads."""
_STRESS = "\u02c8"
_TONES = frozenset("\u2192\u2197\u2193\u2198")
"""Of Mandarin; only its syllables without stress, such as particles, have none of them."""
_VOWELS = re.compile("[aeiouy\u0254\u0259\u025b\u0264\u0268\u028a]+")
_SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"\u201d\u2019)]*(?=\s|$)|$)")
_CLAUSE = re.compile(r"[,;:—…]")
_PAUSES = ((".!?…", 0.3), (",;:—", 0.16))
_WORD_PAUSE = 0.02


@dataclass(frozen=True)
class Phrase:
    """What is said in one step."""

    phonemes: str
    pause: float
    """Seconds of silence after it, unless it is the last."""

    @property
    def ids(self) -> list[int]:
        """Kokoro's numbers of the phonemes; what it does not know is left out."""
        known = vocabulary()
        return [known[one] for one in self.phonemes if one in known]


@cache
def vocabulary() -> dict[str, int]:
    """Kokoro's phonemes; hibari has the same."""
    listed: dict[str, int] = json.loads(
        files("hibari").joinpath("assets/vocab.json").read_text(encoding="utf-8")
    )
    return listed


def phrases(spoken: str) -> list[Phrase]:
    """The phrases of a text's phonemes; the first one is short, since somebody waits for it."""
    cut: list[Phrase] = []
    for sentence in _SENTENCE.findall(spoken):
        words = [part for word in sentence.split() for part in _parts(word)]
        while words:
            count = _count(words) if cut else _first(words)
            cut.append(_phrase(words[:count]))
            words = words[count:]
    return [phrase for phrase in cut if any(map(str.isalpha, phrase.phonemes))]


def _first(words: list[str]) -> int:
    """Two to five words; a sentence that is said soon enough is not cut."""
    if _length(words) <= FIRST_LONGEST:
        return len(words)
    counts = [
        count
        for count in FIRST_WORDS
        if count < len(words) and _length(words[:count]) <= FIRST_LONGEST
    ]
    return max(counts, key=lambda count: _fitness(words, count), default=1)


def _count(words: list[str]) -> int:
    """How many words the next phrase has: all, or about an equal share of the sentence."""
    whole = _length(words)
    if whole <= LONGEST:
        return len(words)
    share = whole / -(-whole // LONGEST)
    lengths = {count: _length(words[:count]) for count in range(1, len(words))}
    near = [count for count, length in lengths.items() if SHORTEST <= length <= LONGEST]
    fits = near or [count for count, length in lengths.items() if length <= LONGEST]
    return max(
        fits,
        key=lambda count: (_fitness(words, count), -abs(lengths[count] - share)),
        default=1,
    )


def _fitness(words: list[str], count: int) -> int:
    """How natural it is to breathe after so many words."""
    if _CLAUSE.search(words[count - 1][-1]):
        return 2
    last, following = words[count - 1], words[count]
    if _TONES.isdisjoint(last + following):
        # Words without stress belong to the one that follows.
        return int(_STRESS in last and _STRESS not in following)
    # A Mandarin particle belongs to the word before it, a single syllable to the one that follows.
    return int(len(_VOWELS.findall(last)) > 1) - int(_TONES.isdisjoint(following))


def _phrase(words: list[str]) -> Phrase:
    end = words[-1].rstrip("\"\u201d)\u2019' ")[-1:]
    pause = next((seconds for marks, seconds in _PAUSES if end and end in marks), _WORD_PAUSE)
    return Phrase(" ".join(words), pause)


def _parts(word: str) -> list[str]:
    return [word[begin : begin + LONGEST] for begin in range(0, len(word), LONGEST)]


def _length(words: list[str]) -> int:
    return len(" ".join(words))

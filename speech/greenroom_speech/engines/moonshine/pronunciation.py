"""Words as PocketSphinx knows them: its dictionary's, else pronounced by hibari's reader."""

import re
from functools import cache

from hibari.g2p import G2P
from pocketsphinx import Decoder

PHONES = {
    "ɜɹ": "ER", "əɹ": "ER", "ɑ": "AA", "æ": "AE", "a": "AE", "ʌ": "AH", "ə": "AH", "ᵊ": "AH",
    "ɐ": "AH", "ɔ": "AO", "ɒ": "AO", "W": "AW", "I": "AY", "ɛ": "EH", "ɜ": "ER", "A": "EY",
    "ɪ": "IH", "ᵻ": "IH", "i": "IY", "O": "OW", "Q": "OW", "Y": "OY", "ʊ": "UH", "u": "UW",
    "b": "B", "ʧ": "CH", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "h": "HH", "ʤ": "JH",
    "k": "K", "l": "L", "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "s": "S", "ʃ": "SH",
    "t": "T", "T": "T", "ɾ": "T", "ʔ": "T", "θ": "TH", "v": "V", "w": "W", "j": "Y", "z": "Z",
    "ʒ": "ZH", "x": "K",
}  # fmt: skip
"""CMU's phones by the letters of hibari and Kokoro; ɹ colours the vowel before it."""
_PHONE = re.compile("|".join(PHONES))
_PART = re.compile(r"[a-z0-9]+(?:['’.][a-z]+)*", re.IGNORECASE)


def known(decoder: Decoder, word: str) -> list[str]:
    """The dictionary's words for a written word, `two-piece` has two; pronounced ones are added.

    Empty for what has no sound.
    """
    parts = [part.lower().replace("’", "'") for part in _PART.findall(word)]
    if parts and all(decoder.lookup_word(part) for part in parts):
        return parts
    phones = " ".join(PHONES[phone] for phone in _PHONE.findall(_reader()(word)))
    if not phones:
        return []
    name = f"said-{phones.replace(' ', '-').lower()}"
    if not decoder.lookup_word(name):
        decoder.add_word(name, phones, True)
    return [name]


@cache
def _reader() -> G2P:
    return G2P()

"""Mandarin text to phonemes, by the package misaki; English words in it are read as English."""

import re
from functools import lru_cache
from pathlib import Path

import cn2an
import jieba
from misaki.zh import ZHG2P

from greenroom_speech.engines.kokoro import english

_HAN = re.compile(r"[\u3400-\u9fff]+")
_BEFORE, _AFTER = re.compile(r"\s+([,.;:!?…\u201d)])"), re.compile(r"([\u201c(])\s+")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f'\u2019 -]*")


class Mandarin:
    """Jieba's dictionary is loaded with the first text."""

    def __init__(self, folder: Path) -> None:
        """``folder``: where jieba keeps its dictionary, as Python's marshal.

        It must be this user's own: whoever can write there can make this process do anything.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        jieba.setLogLevel("ERROR")
        self._cutter = jieba.Tokenizer()
        self._cutter.tmp_dir, self._cutter.cache_file = str(folder), "jieba.cache"

    def phonemes(self, text: str) -> str:
        """In Kokoro's alphabet, words apart; "" where nothing can be said."""
        written: str = ZHG2P.map_punctuation(cn2an.transform(" ".join(text.split()), "an2cn"))
        parts, end = [], 0
        for latin in _LATIN.finditer(written):
            parts += [self._spoken(written[end : latin.start()]), english.phonemes(latin.group())]
            end = latin.end()
        joined = " ".join(" ".join([*parts, self._spoken(written[end:])]).split())
        return _AFTER.sub(r"\1", _BEFORE.sub(r"\1", joined))

    def _spoken(self, text: str) -> str:
        return _HAN.sub(lambda found: f" {self._words(found.group())} ", text)

    def silent(self, text: str) -> str:
        """The characters, each once, whose sound the package does not know."""
        return "".join(sign for sign in dict.fromkeys(text) if _HAN.match(sign) and not _ipa(sign))

    def _words(self, han: str) -> str:
        words = (_ipa(word) for word in self._cutter.cut(han))
        # The mark of a vowel that forms no syllable is not in the alphabet.
        return " ".join(words).replace("\u032f", "")


@lru_cache(4096)
def _ipa(word: str) -> str:
    """ZHG2P raises at a rare character, which has no reading in its dictionary."""
    try:
        said: str = ZHG2P.word2ipa(word)
    except ValueError:
        return "".join(map(_ipa, word)) if len(word) > 1 else ""
    return said

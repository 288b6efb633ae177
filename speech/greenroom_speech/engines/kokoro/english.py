"""English text to phonemes, by the package hibari-tts."""

from functools import cache

from hibari.g2p import G2P


def phonemes(text: str, british: bool = False) -> str:
    """In Kokoro's alphabet, words apart; "" where nothing can be said."""
    said: str
    try:
        said = _reader(british)(" ".join(text.split()))
    except ValueError:  # some figures that Unicode knows; the words beside them are said
        first, *others = text.split()
        if not others:
            return ""
        return " ".join(filter(None, (phonemes(word, british) for word in (first, *others))))
    return said


@cache
def _reader(british: bool) -> G2P:
    return G2P(british=british)

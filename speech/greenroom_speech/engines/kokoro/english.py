"""English text to phonemes, by the package hibari-tts."""

from functools import cache

from hibari.g2p import G2P


def phonemes(text: str, british: bool = False) -> str:
    """In Kokoro's alphabet, words apart; "" where nothing can be said."""
    said: str = _reader(british)(" ".join(text.split()))
    return said


@cache
def _reader(british: bool) -> G2P:
    return G2P(british=british)

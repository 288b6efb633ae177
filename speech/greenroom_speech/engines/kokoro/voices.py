"""The engine's own voices by name, and blends as Kokoro's users write them.

A name says what it is: the language's letter, f or m, and a name of its own, as in ``af_heart``.
Each voice speaks both languages of the engine; British ones read English as in Britain.
"""

import re
from collections.abc import Mapping

from greenroom.errors import InvalidInput
from greenroom_speech.engines.engine_tags import EngineVoice

HIBARI = "hibari"
"""A small model of its own: English, in a hundredth of the time it lasts."""
SPOKEN = ("en", "zh")
"""Languages that the others say."""
_AMERICAN = "alloy aoede bella heart jessica kore nicole nova river sarah sky"
_MEN = "adam echo eric fenrir liam michael onyx puck santa"
_NAMES = {
    "af": _AMERICAN,
    "am": _MEN,
    "bf": "alice emma isabella lily",
    "bm": "daniel fable george lewis",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaobei xiaoni xiaoxiao xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}
LANGUAGES = {
    "a": "en",
    "b": "en",
    "e": "es",
    "f": "fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt",
    "z": "zh",
}
"""By the letter that Kokoro's users write for each."""
_GENDERS = {"f": "female", "m": "male"}
_PART = re.compile(r"(\w+)(?:\((\d+(?:\.\d+)?)\))?")
MOST = 8
"""Voices of a blend."""

VOICES = (
    EngineVoice(HIBARI, "en", "female", ("en",)),
    *(
        EngineVoice(f"{kind}_{name}", LANGUAGES[kind[0]], _GENDERS[kind[1]], SPOKEN)
        for kind, names in _NAMES.items()
        for name in names.split()
    ),
)
_KNOWN = {voice.name for voice in VOICES}


def blend_of(voice: str) -> dict[str, float]:
    """Each voice of a VOICE with its share; the shares sum to 1. Raises InvalidInput.

    ``af_bella(2)+af_sky(1)`` is two parts of one and one of the other.
    """
    parts = [_PART.fullmatch(part.strip()) for part in voice.split("+")]
    if not all(parts) or len(parts) > MOST:
        raise _unknown(voice)
    shares: dict[str, float] = {}
    for name, weight in (part.groups() for part in parts if part):
        if name not in _KNOWN or (name == HIBARI and len(parts) > 1):
            raise _unknown(voice)
        shares[name] = shares.get(name, 0.0) + (float(weight) if weight else 1.0)
    total = sum(shares.values())
    if not 0 < total < float("inf"):
        raise _unknown(voice)
    return {name: weight / total for name, weight in shares.items()}


def is_british(shares: Mapping[str, float]) -> bool:
    """Whether the greater part of a blend is."""
    return sum(share for name, share in shares.items() if name.startswith("b")) > 0.5


def _unknown(voice: str) -> InvalidInput:
    return InvalidInput(
        f"VOICE is {voice[:80]!r}; it must be {HIBARI}, or up to {MOST} of "
        f"{', '.join(name.name for name in VOICES[1:])}, as in af_bella(2)+af_sky(1)."
    )

"""English speech by Flite, called in memory.

Flite (Carnegie Mellon University, permissive licence) comes as Debian's ``libflite1``; there
is no package of it on PyPI, so it may be missing.
"""

import ctypes
import re
import unicodedata
from functools import cache

import numpy as np

from greenroom.errors import SetupError
from greenroom_speech.engines.audio_input import Samples

VOICES = ("awb", "rms", "slt", "kal16")
RATE = 16_000
_CORE = ("libflite.so.1", "libflite_usenglish.so.1", "libflite_cmulex.so.1")


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


@cache
def available() -> bool:
    try:
        _library()
    except SetupError:
        return False
    return True


def speak(text: str, voice: str, stretch: float = 1.0) -> Samples:
    """The same text gives the same samples. Not for several threads.

    ``voice`` is one of VOICES, ``stretch`` multiplies the durations. Mono float32 at 16 kHz,
    empty where the text has nothing to say.
    """
    plain = _ascii(text)
    if not re.search(r"[A-Za-z0-9]", plain):
        return np.zeros(0, dtype=np.float32)
    library, handle = _library(), _voice(voice)
    library.flite_feat_set_float(handle.contents.features, b"duration_stretch", stretch)
    # Flite draws the noise of its excitation from libc's rand().
    ctypes.CDLL(None).srand(1)
    wave = library.flite_text_to_wave(plain.encode("ascii"), handle)
    try:
        pcm = np.ctypeslib.as_array(wave.contents.samples, (wave.contents.num_samples,))
        return pcm.astype(np.float32) / 32768.0
    finally:
        library.delete_wave(wave)


@cache
def _library() -> ctypes.CDLL:
    # Voices find the symbols of the core only when that was loaded globally, in this order.
    try:
        library, *_ = (ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL) for name in _CORE)
    except OSError as error:
        raise SetupError(f"Flite cannot be loaded ({error}); install libflite1.") from None
    library.flite_init()
    library.flite_text_to_wave.restype = ctypes.POINTER(_Wave)
    library.flite_text_to_wave.argtypes = (ctypes.c_char_p, ctypes.POINTER(_Voice))
    library.delete_wave.argtypes = (ctypes.POINTER(_Wave),)
    library.flite_feat_set_float.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float)
    return library


@cache
def _voice(name: str) -> "ctypes._Pointer[_Voice]":
    _library()
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    register.restype = ctypes.POINTER(_Voice)
    register.argtypes = (ctypes.c_void_p,)
    handle: ctypes._Pointer[_Voice] = register(None)
    return handle


def _ascii(text: str) -> str:
    """Flite reads no other characters; accents are dropped, quotes and dashes replaced."""
    quoted = text.translate({0x2018: "'", 0x2019: "'", 0x2013: "-", 0x2014: ", ", 0x2026: "..."})
    spread = unicodedata.normalize("NFKD", quoted)
    return re.sub(r"[\x00-\x20\x7f]+", " ", spread.encode("ascii", "ignore").decode()).strip()

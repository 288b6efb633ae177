"""Reference recordings: whatever the caller has, to mono float32 samples and their rate."""

import io
import os
import wave
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from greenroom_client.errors import InvalidInput
from greenroom_client.sound_files import soundfile

Samples: TypeAlias = npt.NDArray[np.float32]
Audio: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | tuple[npt.NDArray[Any], int | np.integer[Any]]
)
"""A path, the bytes of an audio file, or (samples [n] or [n, channels], rate in Hz)."""

LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_CHANNELS = 8
_NO_AUDIO = (
    "audio is {}; it must be a path, the bytes of an audio file, or a tuple (samples, rate)."
)


def read_audio(audio: Audio) -> tuple[Samples, int]:
    """Mono float32 samples [n] in [-1, 1] and their rate in Hz.

    Channels are averaged; the rate stays as it is, the server resamples.

    Raises:
        InvalidInput: the file is missing or not audio, or the samples are empty, not finite
            or of a kind that is not sound.
        MissingExtra: it is a file, and soundfile is not installed.
    """
    if isinstance(audio, tuple):
        samples, rate = _given(audio)
    elif isinstance(audio, bytes | bytearray | memoryview):
        samples, rate = _decoded(bytes(audio), f"the {len(audio)} bytes given as audio")
    elif isinstance(audio, str | os.PathLike):
        samples, rate = _decoded(_content(audio), os.fspath(audio))
    else:
        raise InvalidInput(_NO_AUDIO.format(_article(audio)))
    return _mono(samples), _allowed(rate)


def file_of(audio: Audio) -> bytes:
    """The bytes of an audio file: those that are given, or a wav of the samples.

    Raises:
        InvalidInput: the file cannot be read, or the samples are no sound.
    """
    if not isinstance(audio, tuple):
        return content_of(audio)
    samples, rate = read_audio(audio)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, 0, "NONE", ""))
        writer.writeframes(sixteen_bits(samples))
    return file.getvalue()


def sixteen_bits(samples: Any) -> bytes:
    """Samples in [-1, 1] as little-endian integers."""
    return bytes(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes())


def content_of(audio: str | os.PathLike[str] | bytes | bytearray | memoryview) -> bytes:
    """The bytes of an audio file, which are not looked at.

    Raises:
        InvalidInput: the file cannot be read.
    """
    if isinstance(audio, bytes | bytearray | memoryview):
        return bytes(audio)
    if isinstance(audio, str | os.PathLike):
        return _content(audio)
    raise InvalidInput(_NO_AUDIO.format(_article(audio)))


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidInput(f"{os.fspath(path)} cannot be read: {reason}.") from None


def _decoded(content: bytes, name: str) -> tuple[Samples, int]:
    library = soundfile()
    try:
        samples, rate = library.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except library.SoundFileError:
        raise InvalidInput(
            f"{name} is not audio in a supported format (wav, flac, mp3, ogg, ...)."
        ) from None
    return samples, rate


def _given(audio: tuple[Any, ...]) -> tuple[Samples, int]:
    if len(audio) != 2 or not isinstance(audio[0], np.ndarray):
        raise InvalidInput("audio as a tuple must be (samples as a numpy array, rate in Hz).")
    samples, rate = audio
    if samples.ndim not in (1, 2) or (samples.ndim == 2 and samples.shape[1] > MOST_CHANNELS):
        raise InvalidInput(
            f"audio has the shape {samples.shape}; it must be [n] or [n, channels] "
            f"with at most {MOST_CHANNELS} channels."
        )
    if isinstance(rate, bool | np.bool_) or not isinstance(rate, int | np.integer):
        raise InvalidInput(f"the sample rate is {rate!r}; it must be a whole number of Hz.")
    return _scaled(samples), int(rate)


def _scaled(samples: npt.NDArray[Any]) -> Samples:
    """Float32 in [-1, 1]; integers count from the full scale of their type."""
    if np.issubdtype(samples.dtype, np.floating):
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return ((samples.astype(np.float32) - 128) / 128).astype(np.float32)
    if samples.dtype in (np.int16, np.int32):
        full_scale = -float(np.iinfo(samples.dtype).min)
        return (samples / full_scale).astype(np.float32)
    raise InvalidInput(
        f"audio has samples of type {samples.dtype}; they must be float in [-1, 1], "
        "int16, int32 or uint8."
    )


def _mono(samples: Samples) -> Samples:
    if not samples.size:
        raise InvalidInput("audio has no samples; it must have at least one.")
    if not np.isfinite(samples).all():
        raise InvalidInput("audio has samples that are not a number; all must be finite.")
    mixed: Samples = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    return mixed


def _allowed(rate: int) -> int:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InvalidInput(
            f"audio has {rate} samples per second; it must have {LOWEST_RATE} to {HIGHEST_RATE}."
        )
    return rate


def _article(thing: object) -> str:
    return f"a {type(thing).__name__}" if thing is not None else "None"

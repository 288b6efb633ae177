"""Audio files in and out: what libsndfile reads, and the response formats of OpenAI's API."""

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

from greenroom.errors import InvalidInput

Samples = npt.NDArray[np.float32]
Format = Literal["mp3", "opus", "flac", "wav", "pcm"]


@dataclass(frozen=True)
class _Encoding:
    media_type: str
    container: str
    subtype: str | None


_ENCODINGS: dict[str, _Encoding] = {
    "mp3": _Encoding("audio/mpeg", "MP3", None),
    "opus": _Encoding("audio/ogg", "OGG", "OPUS"),
    "flac": _Encoding("audio/flac", "FLAC", "PCM_16"),
    "wav": _Encoding("audio/wav", "WAV", "PCM_16"),
    "pcm": _Encoding("audio/pcm", "RAW", "PCM_16"),
}
MEDIA_TYPES = tuple(encoding.media_type for encoding in _ENCODINGS.values())


@dataclass(frozen=True)
class Recording:
    """Mono samples [n] in [-1, 1] and their rate in Hz."""

    samples: Samples
    rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.rate


def decoded(content: bytes, field: str, longest: float) -> Recording:
    """Return an audio file's content, its channels averaged.

    Raises InvalidInput naming `field` when it is no audio, empty, or longer than `longest`
    seconds; what is too long is not unpacked.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            seconds = file.frames / file.samplerate
            if seconds > longest:
                raise InvalidInput(
                    f"{field} lasts {seconds:.1f} s; it may last at most {longest:g} s."
                )
            samples = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except (soundfile.SoundFileError, ZeroDivisionError):
        raise InvalidInput(
            f"{field} ({len(content)} bytes) is no audio file in a format that is known here "
            "(wav, flac, mp3, ogg, opus, aiff, ...)."
        ) from None
    if not samples.size:
        raise InvalidInput(f"{field} has no samples; it must have at least one.")
    return Recording(samples.mean(axis=1, dtype=np.float32), rate)


def encoded(recording: Recording, kind: Format) -> tuple[bytes, str]:
    """Return a file of that format and its media type; ``pcm`` is 16 bit, little-endian."""
    encoding = _ENCODINGS[kind]
    file = io.BytesIO()
    soundfile.write(
        file,
        recording.samples,
        recording.rate,
        format=encoding.container,
        subtype=encoding.subtype,
        endian="LITTLE" if kind == "pcm" else None,
    )
    return file.getvalue(), encoding.media_type

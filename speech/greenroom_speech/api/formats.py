"""Audio files as OpenAI's API has them in its answers."""

import io
from dataclasses import dataclass
from typing import Literal

import soundfile

from greenroom_speech.decoder.recording import Recording

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


def encoded(recording: Recording, kind: Format) -> tuple[bytes, str]:
    """A file of that format, and its media type; ``pcm`` is 16 bit, little-endian."""
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

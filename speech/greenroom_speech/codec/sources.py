"""A file's sound, block by block: libsndfile for what it reads, FFmpeg for the rest.

FFmpeg may open the one file that it is given: neither playlists nor anything that is not sound.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
import soundfile

from greenroom_speech.codec.limits import MOST_CHANNELS, MOST_FILE_RATE
from greenroom_speech.codec.recording import Samples

_CONTAINERS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,ogg,w64,wav"
)
_CODECS = (
    "aac,aac_latm,ac3,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,alac,amrnb,amrwb,eac3,flac,g722,g726,"
    "gsm,gsm_ms,libopencore_amrnb,libopencore_amrwb,libopus,mp2,mp2float,mp3,mp3float,opus,"
    "pcm_alaw,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24be,"
    "pcm_s24le,pcm_s32be,pcm_s32le,pcm_s8,pcm_u8,speex,vorbis,wmalossless,wmapro,wmav1,wmav2,"
    "wmavoice"
)
_OPTIONS = {
    "format_whitelist": _CONTAINERS,
    "codec_whitelist": _CODECS,
    "protocol_whitelist": "none",
    "probesize": str(2**20),
}
_ESTIMATED = {"aac", "ac3", "amr", "eac3", "gsm", "mp3", "mpeg", "mpegts"}
"""Containers without a duration: FFmpeg guesses it from the first packets."""
_BLOCK_SAMPLES = 2**18
_UNKNOWN_FRAMES = 2**62
_GSM_FRAME_BYTES = 33

Block = tuple[Samples, int]
"""Mono samples [n] and their rate in Hz, which may change within a file."""


class NoSound(Exception):
    """The file cannot be read; the message goes on after the file's name."""


@dataclass
class AudioStream:
    """An open file."""

    rate: int
    seconds: float | None
    """As the file says; None: it does not, or cannot be believed."""
    blocks: Iterator[Block]


def source(descriptor: int, size: int) -> AudioStream:
    """The sound of an open file of `size` bytes. Raises NoSound."""
    return _sndfile(descriptor) or _ffmpeg(descriptor, size)


def _sndfile(descriptor: int) -> AudioStream | None:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        file = soundfile.SoundFile(descriptor, closefd=False)
    except soundfile.SoundFileError:
        return None
    # Who writes while recording does not know the length; FFmpeg reads on to the end.
    if not 0 < file.frames < _UNKNOWN_FRAMES:
        return None
    _check(file.samplerate, file.channels)
    return AudioStream(file.samplerate, file.frames / file.samplerate, _sndfile_blocks(file))


def _sndfile_blocks(file: Any) -> Iterator[Block]:
    size = max(1, _BLOCK_SAMPLES // file.channels)
    while True:
        block = file.read(size, dtype="float32", always_2d=True)
        if not len(block):
            return
        # One channel's mean is ten times as slow as nothing.
        mono = block[:, 0] if file.channels == 1 else block.mean(axis=1, dtype=np.float32)
        yield mono, file.samplerate


def _ffmpeg(descriptor: int, size: int) -> AudioStream:
    os.lseek(descriptor, 0, os.SEEK_SET)
    file = os.fdopen(os.dup(descriptor), "rb")
    try:
        container = av.open(
            file,
            "r",
            format="gsm" if _is_gsm(descriptor, size) else None,
            options=_OPTIONS,
            metadata_errors="ignore",
        )
    except (av.FFmpegError, ValueError):
        raise NoSound(
            f"({size} bytes) is not an audio file in a supported format (wav, flac, mp3, ogg, "
            f"opus, aiff, webm, m4a, mp4, aac, amr, wma, ...)."
        ) from None
    if not container.streams.audio:
        raise NoSound(f"({container.format.long_name}) contains no audio.")
    stream = container.streams.audio[0]
    context = stream.codec_context
    if context is None or context.codec.name not in _CODECS.split(","):
        raise NoSound(
            "has audio in an unsupported format; supported are aac, alac, amr, flac, gsm, mp3, "
            "opus, pcm, vorbis and wma."
        )
    context.thread_count = 1
    _check(stream.rate, stream.channels)
    names = set(container.format.name.split(","))
    seconds = None
    if container.duration and not names & _ESTIMATED:
        seconds = container.duration / av.time_base
    return AudioStream(stream.rate, seconds, _ffmpeg_blocks(container, stream))


def _is_gsm(descriptor: int, size: int) -> bool:
    """True for bare GSM 06.10, which has no header: each frame begins with the nibble 13."""
    if not size or size % _GSM_FRAME_BYTES:
        return False
    head = os.pread(descriptor, 100 * _GSM_FRAME_BYTES, 0)
    return all(byte >> 4 == 13 for byte in head[::_GSM_FRAME_BYTES])


def _ffmpeg_blocks(container: Any, stream: Any) -> Iterator[Block]:
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except (av.error.InvalidDataError, av.error.EOFError):
            continue  # as players do: what comes after a damaged packet is heard
        for frame in frames:
            _check(frame.sample_rate, frame.layout.nb_channels)
            yield _floats(frame), frame.sample_rate


def _floats(frame: Any) -> Samples:
    """A frame's channels averaged, (samples,); its integers become numbers in [-1, 1]."""
    array = frame.to_ndarray()
    if frame.format.is_packed:
        array = array.reshape(-1, frame.layout.nb_channels).T
    if array.dtype == np.uint8:
        samples = (array.mean(axis=0, dtype=np.float32) - 128) / 128
    elif array.dtype.kind == "i":
        samples = array.mean(axis=0, dtype=np.float64) / -float(np.iinfo(array.dtype).min)
    else:
        samples = array.mean(axis=0, dtype=np.float32)
    finished: Samples = samples.astype(np.float32)
    return finished


def _check(rate: int, channels: int) -> None:
    if not 0 < rate <= MOST_FILE_RATE:
        raise NoSound(f"has {rate} samples a second; it must have 1 to {MOST_FILE_RATE}.")
    if not 0 < channels <= MOST_CHANNELS:
        raise NoSound(f"has {channels} channels; it must have 1 to {MOST_CHANNELS}.")

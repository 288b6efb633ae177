"""Small files that claim or become much, and files that lie: what a hostile client sends."""

import io
import struct
from collections.abc import Callable

import numpy as np
import soundfile
from sound_files import by_ffmpeg, by_libsndfile


def silence(kind: str, subtype: str, rate: int, channels: int, seconds: int) -> bytes:
    """Return so much silence as compresses best."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, channels, format=kind, subtype=subtype) as sound:
        second = np.zeros((rate, channels), np.int16)
        for _ in range(seconds):
            sound.write(second)
    return file.getvalue()


def wav_that_says(size: int = 32_000, rate: int = 16_000, channels: int = 1) -> bytes:
    """Return a second of sound whose header says what you like of it."""
    content = bytearray(by_libsndfile("WAV", "PCM_16", 16_000, 1.0))
    struct.pack_into("<I", content, 4, min(size + 36, 2**32 - 1) if size else 0)
    struct.pack_into("<HII", content, 22, channels, rate, rate * channels * 2 % 2**32)
    struct.pack_into("<H", content, 32, channels * 2 % 2**16)
    struct.pack_into("<I", content, 40, size)
    return bytes(content)


def flac_that_says(samples: int) -> bytes:
    """Return a second of FLAC whose header says how many samples there are; 0: unknown."""
    content = bytearray(by_libsndfile("FLAC", "PCM_16", 16_000, 1.0))
    (word,) = struct.unpack_from(">Q", content, 18)
    struct.pack_into(">Q", content, 18, word >> 36 << 36 | samples)
    return bytes(content)


def mp3_that_says(frames: int) -> bytes:
    """Return two seconds of MP3 whose Xing header says how many frames there are."""
    content = bytearray(by_libsndfile("MP3"))
    found = max(content.find(b"Xing"), content.find(b"Info"))
    assert found > 0
    struct.pack_into(">I", content, found + 8, frames)
    return bytes(content)


def mp4_that_says(atom: bytes, offset: int, number: int) -> bytes:
    """Return two seconds of AAC in MP4, a number in one of its tables written over."""
    content = bytearray(by_ffmpeg("mp4", "aac"))
    struct.pack_into(">I", content, content.index(atom) + 4 + offset, number)
    return bytes(content)


def mp4_of_many_samples(count: int = 150_000_000) -> bytes:
    """Return an MP4 of so many samples of one byte: an index of 3.6 GB, if it is believed."""
    content = bytearray(mp4_that_says(b"stsz", 4, 1))
    for atom, offset in ((b"stsz", 12), (b"stsc", 16), (b"stts", 12)):
        struct.pack_into(">I", content, content.index(atom) + offset, count)
    return bytes(content)


BOMBS: dict[str, Callable[[], bytes]] = {
    "flac of 8 channels at 655,350 Hz": lambda: silence("FLAC", "PCM_16", 655_350, 8, 30),
    "flac of 4 hours": lambda: silence("FLAC", "PCM_16", 8_000, 1, 4 * 3600),
    "flac of unknown length": lambda: flac_that_says(0),
    "flac that says 50 days": lambda: flac_that_says(2**36 - 1),
    "ogg of 64 channels": lambda: silence("OGG", "VORBIS", 48_000, 64, 10),
    "ogg of 255 channels": lambda: silence("OGG", "VORBIS", 8_000, 255, 1),
    "mp3 that says a frame": lambda: mp3_that_says(1),
    "mp3 that says 3 years": lambda: mp3_that_says(2**32 - 1),
    "wav that says 0 bytes": lambda: wav_that_says(0),
    "wav that says 4 GB": lambda: wav_that_says(2**32 - 1),
    "wav that says 2 GB": lambda: wav_that_says(2**31 - 1),
    "wav of 65,535 channels": lambda: wav_that_says(channels=65_535),
    "wav of 1,024 channels": lambda: wav_that_says(channels=1024),
    "wav at 4 GHz": lambda: wav_that_says(rate=2**32 - 1),
    "wav at 2 GHz": lambda: wav_that_says(rate=2**31 - 1),
    "wav at 1 Hz": lambda: wav_that_says(rate=1),
    "mp4 of long samples": lambda: mp4_that_says(b"stts", 8, 2**31 - 1),
    "mp4 of many samples": mp4_of_many_samples,
    "mp4 of many chunks": lambda: mp4_that_says(b"stco", 4, 2**31 - 1),
    "mp4 with a long table": lambda: mp4_that_says(b"stsz", 8, 2**31 - 1),
}
"""By what they are; none lasts over 30 s of believable sound but one, which has 4 hours."""

PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://%s\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile '%s'\n",
    "dash": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation>'
    b"<BaseURL>%s</BaseURL></Representation></AdaptationSet></Period></MPD>",
}
"""Texts that make FFmpeg open other files and addresses; %s: a path."""

"""The process of one file that is written: pieces of sound in, bytes out as they are made."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import numpy as np

from greenroom_speech.codec.bounds import allow_processor_time, limit
from greenroom_speech.codec.messages import ENCODED, PIECE
from greenroom_speech.codec.recording import Samples


@dataclass(frozen=True)
class _Form:
    container: str
    codec: str
    bits: int = 0
    """A second; 0: the codec loses nothing."""
    options: dict[str, str] = field(default_factory=dict)


_FORMS = {
    # The header that tells a file's length is written at its end, where nobody can go back.
    "mp3": _Form("mp3", "libmp3lame", 96_000, {"write_xing": "0", "id3v2_version": "0"}),
    "opus": _Form("ogg", "libopus", 48_000, {"page_duration": "40000"}),  # microseconds
    "aac": _Form("adts", "aac", 96_000),
    "flac": _Form("flac", "flac"),
}


def serve(job: socket.socket, kind: str, rate: int, parent: int) -> None:
    """Write one file for the gateway at the other end of `job`."""
    limit(0, parent)
    file = _File(_FORMS[kind], rate)
    stream = job.makefile("rb")
    while head := stream.read(PIECE.size):
        allow_processor_time()
        (size,) = PIECE.unpack(head)
        samples = np.frombuffer(stream.read(size * 4), "<f4")
        content = file.written(samples) if size else file.end()
        job.sendall(ENCODED.pack(len(content)) + content)
        if not size:
            return


class _File:
    def __init__(self, form: _Form, rate: int) -> None:
        self._made = _Made()
        options = {"flush_packets": "1", **form.options}
        self._container = av.open(self._made, "w", format=form.container, container_options=options)
        self._rate, self._at = rate, 0
        stream: Any = self._container.add_stream(
            form.codec, rate=_rate_for(form.codec, rate), layout="mono"
        )
        stream.codec_context.thread_count = 1
        if form.bits:
            stream.bit_rate = form.bits
        self._stream = stream
        self._fitting = av.AudioResampler(stream.codec_context.format, "mono", stream.rate)

    def written(self, samples: Samples) -> bytes:
        clipped = np.clip(samples, -1.0, 1.0)[None]
        frame = av.AudioFrame.from_ndarray(clipped, format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = self._rate, Fraction(1, self._rate)
        frame.pts, self._at = self._at, self._at + len(samples)
        self._mux(self._fitting.resample(frame))
        return self._made.taken()

    def end(self) -> bytes:
        if self._at:
            self._mux([*self._fitting.resample(None), None])
        self._container.close()
        return self._made.taken()

    def _mux(self, frames: list[Any]) -> None:
        for frame in frames:
            for packet in self._encoded(frame):
                self._container.mux(packet)

    def _encoded(self, frame: Any) -> Iterator[Any]:
        yield from self._stream.encode(frame)


class _Made:
    """A file that cannot seek."""

    def __init__(self) -> None:
        self._content = bytearray()

    def write(self, content: bytes) -> int:
        self._content += content
        return len(content)

    def taken(self) -> bytes:
        content = bytes(self._content)
        self._content.clear()
        return content


def _rate_for(codec: str, rate: int) -> int:
    """The codec's lowest rate that loses nothing, or its highest."""
    rates = sorted(av.Codec(codec, "w").audio_rates or [rate])
    return next((one for one in rates if one >= rate), rates[-1])

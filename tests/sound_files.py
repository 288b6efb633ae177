"""A second or two of a hum at 440 Hz, in the containers that people's programs write."""

import io

import av
import numpy as np
import soundfile

PITCH, SECONDS = 440, 2.0
RATE = 48_000


def hum(rate: int = RATE, seconds: float = SECONDS):
    """Return samples [n]."""
    return (0.3 * np.sin(2 * np.pi * PITCH * np.arange(round(rate * seconds)) / rate)).astype("f4")


def by_libsndfile(kind: str, subtype: str | None = None, rate: int = RATE, seconds=SECONDS):
    """Return a file that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, hum(rate, seconds), rate, format=kind, subtype=subtype)
    return file.getvalue()


def by_ffmpeg(
    kind: str,
    codec: str | None,
    rate: int = RATE,
    layout: str = "mono",
    video: str | None = None,
    seconds: float = SECONDS,
):
    """Return a file that FFmpeg writes; without a codec there is no sound in it."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        sound = None
        if codec:
            sound = container.add_stream(codec, rate=rate, layout=layout, bit_rate=64_000)
            if codec.endswith("amrnb"):
                sound.bit_rate = 12_200
        if video:
            _pictures(container, video)
        if sound:
            _sound(container, sound, hum(seconds=seconds))
    return file.getvalue()


def _pictures(container, codec):
    stream = container.add_stream(codec, rate=25)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"
    for _ in range(round(25 * SECONDS)):
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
    container.mux(stream.encode(None))


def _sound(container, stream, samples):
    context = stream.codec_context
    resampler = av.AudioResampler(
        context.format.name, context.layout, context.rate, frame_size=context.frame_size or 1024
    )
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate = RATE
    for part in (frame, None):
        for made in resampler.resample(part):
            container.mux(stream.encode(made))
    container.mux(stream.encode(None))

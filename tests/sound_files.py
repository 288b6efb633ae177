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


def sound_of(content: bytes):
    """Return the samples [n] and rate of a mono file, which may not tell its length."""
    with av.open(io.BytesIO(content)) as container:
        frames = list(container.decode(audio=0))
    planar = [frame.to_ndarray()[0] for frame in frames]
    full = -float(np.iinfo(planar[0].dtype).min) if planar[0].dtype.kind == "i" else 1.0
    return np.concatenate(planar).astype("f4") / full, frames[0].sample_rate


def seconds_of(content: bytes) -> float:
    """Return the length of a mono file."""
    samples, rate = sound_of(content)
    return len(samples) / rate


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
    options: dict[str, str] | None = None,
):
    """Return a file that FFmpeg writes; without a codec there is no sound in it."""
    file = io.BytesIO()
    with av.open(file, "w", format=kind, options=options or {}) as container:
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

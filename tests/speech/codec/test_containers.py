"""Every container that people's programs write: its pitch, level and length come out."""

import io
import struct

import numpy as np
import pytest
import soundfile
from bombs import PLAYLISTS
from sound_files import PITCH, RATE, SECONDS, by_ffmpeg, by_libsndfile

from greenroom.errors import InvalidInput

pytestmark = pytest.mark.slow

LEVEL = 0.3 / np.sqrt(2)
LOSSLESS = dict.fromkeys(("WAV", "FLAC", "AIFF", "AU", "CAF", "W64"), "PCM_16")


SPREAD = {("stereo",): 1 / np.sqrt(2), ("5.1",): 1 / 6}
"""How loud one channel still is when FFmpeg has spread it over many and they are averaged."""


async def check(decoder, content, slack, loudness=1.0, near=0.08):
    recording = await decoder.recording(content, "file", 30)
    samples, rate = recording.samples, recording.rate
    assert samples.dtype == np.float32
    assert recording.seconds == pytest.approx(SECONDS, abs=slack)
    middle = samples[rate // 2 : rate // 2 + rate]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == PITCH
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(LEVEL * loudness, rel=near)


@pytest.mark.parametrize(
    "kind",
    [
        *LOSSLESS.items(),
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"),
        ("WAV", "ULAW"),
        ("WAV", "ALAW"),
        ("WAV", "MS_ADPCM"),
        ("RF64", "PCM_16"),
        ("NIST", "PCM_16"),
        ("VOC", "PCM_16"),
        ("CAF", "ALAC_16"),
        ("MP3", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
    ids=str,
)
async def test_what_libsndfile_writes(decoder, kind):
    await check(decoder, by_libsndfile(*kind), 0.05)


@pytest.mark.parametrize("kind", ["WAV", "RAW"])
async def test_gsm_with_a_header_and_bare(decoder, kind):
    await check(decoder, by_libsndfile(kind, "GSM610", 8000), 0.05, near=0.3)


@pytest.mark.parametrize(
    "made",
    [
        ("webm", "libopus"),
        ("webm", "libopus", RATE, "stereo"),
        ("webm", "libopus", RATE, "mono", "libvpx"),
        ("matroska", "libopus"),
        ("matroska", "pcm_s16le"),
        ("ogg", "libopus"),
        ("ipod", "aac"),
        ("ipod", "alac"),
        ("mp4", "aac", 44_100, "stereo"),
        ("mp4", "aac", RATE, "5.1"),
        ("mp4", "aac", RATE, "mono", "libx264"),
        ("mov", "aac", RATE, "mono", "libx265"),
        ("3gp", "aac"),
        ("adts", "aac"),
        ("mpegts", "aac"),
        ("flv", "aac", 44_100),
        ("avi", "mp3", 44_100),
        ("asf", "wmav2", 44_100),
        ("asf", "wmav1", 22_050),
        ("caf", "alac"),
        ("ac3", "ac3"),
        ("mp2", "mp2"),
        ("wav", "pcm_s32le"),
    ],
    ids=str,
)
async def test_what_ffmpeg_writes(decoder, made):
    await check(decoder, by_ffmpeg(*made), 0.15, SPREAD.get(made[3:4], 1))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF], ids=["zero", "most"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
async def test_a_wav_whose_writer_did_not_know_its_length(decoder, subtype, size):
    content = bytearray(by_libsndfile("WAV", subtype))
    for place in (4, content.index(b"data") + 4):
        struct.pack_into("<I", content, place, size)
    await check(decoder, bytes(content), 0)


@pytest.mark.parametrize(
    ("kind", "sound", "options"),
    [
        ("webm", "libopus", {"live": "1"}),
        ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),
    ],
    ids=["webm", "mp4"],
)
async def test_what_browsers_recorders_write(decoder, kind, sound, options):
    await check(decoder, by_ffmpeg(kind, sound, options=options), 0.15)


async def test_amr_of_telephones(decoder):
    await check(decoder, by_ffmpeg("amr", "libopencore_amrnb", 8000), 0.15, near=0.3)


async def test_a_video_without_sound_is_told_from_noise(decoder):
    with pytest.raises(InvalidInput, match=r"^file \(QuickTime / MOV\) contains no audio\.$"):
        await decoder.recording(by_ffmpeg("mp4", None, video="libx264"), "file", 30)


@pytest.mark.parametrize("kind", PLAYLISTS)
async def test_a_playlist_opens_no_other_file(decoder, kind, tmp_path):
    other = tmp_path / "private.wav"
    other.write_bytes(by_libsndfile("WAV"))
    with pytest.raises(InvalidInput, match=r"is not an audio file in a supported format"):
        await decoder.recording(PLAYLISTS[kind] % bytes(other), "file", 30)


async def test_channels_are_averaged(decoder):
    file = io.BytesIO()
    soundfile.write(file, np.array([[0.5, 0.0], [0.25, 0.75]]), 16000, format="WAV")
    recording = await decoder.recording(file.getvalue(), "file", 30)
    assert recording.samples.tolist() == [0.25, 0.5]
    assert recording.rate == 16000


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
async def test_samples_are_those_of_the_file_up_to_48_khz(decoder, rate):
    content = by_libsndfile("FLAC", "PCM_16", rate)
    recording = await decoder.recording(content, "file", 30)
    assert recording.rate == rate
    assert np.array_equal(recording.samples, soundfile.read(io.BytesIO(content), dtype="f4")[0])


async def test_what_is_above_48_khz_is_brought_down(decoder):
    recording = await decoder.recording(by_libsndfile("FLAC", "PCM_24", 192_000), "file", 30)
    assert recording.rate == 48_000
    await check(decoder, by_libsndfile("FLAC", "PCM_24", 192_000), 0.01, near=0.01)

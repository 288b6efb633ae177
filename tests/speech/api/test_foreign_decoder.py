"""Every response format as another program reads it: ffmpeg, which shares no code with ours."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from writing import file_of

FFMPEG = shutil.which("ffmpeg")
RATE, SECONDS = 24000, 1.5
RAW = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
pytestmark = pytest.mark.skipif(not FFMPEG, reason="ffmpeg is missing; apt install ffmpeg")


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "aac", "flac", "pcm"])
def test_ffmpeg_decodes_it_to_its_length_and_pitch(kind, tmp_path: Path):
    time = np.arange(round(SECONDS * RATE)) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    path = tmp_path / "sound"
    path.write_bytes(file_of(tone, RATE, kind))
    given = RAW if kind == "pcm" else []
    command = [FFMPEG, "-v", "error", *given, "-i", path, *RAW, "-"]
    answer = subprocess.run(command, capture_output=True, check=True)
    assert answer.stderr == b""
    samples = np.frombuffer(answer.stdout, "<i2") / 32768
    # Streamed mp3 and aac cannot say how much of their first and last frames is padding.
    assert len(samples) / RATE == pytest.approx(SECONDS, abs=0.1)
    middle = samples[RATE // 4 : RATE // 4 + RATE]
    assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)

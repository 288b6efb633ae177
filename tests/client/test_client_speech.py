"""Speech unpacks, tells its length and writes files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from greenroom_client import InvalidInput, Speech

TONE = (0.5 * np.sin(2 * np.pi * 220 * np.arange(24000) / 24000)).astype(np.float32)


def test_speech_unpacks_as_samples_and_rate() -> None:
    samples, rate = Speech(TONE, 24000, "a tone")

    assert samples is TONE
    assert rate == 24000


def test_speech_knows_its_length() -> None:
    assert Speech(TONE[:6000], 24000, "").seconds == 0.25


@pytest.mark.parametrize(
    ("name", "kind", "subtype"),
    [
        ("a.wav", "WAV", "PCM_16"),
        ("a.WAV", "WAV", "PCM_16"),
        ("a", "WAV", "PCM_16"),
        ("a.flac", "FLAC", "PCM_16"),
        ("a.ogg", "OGG", "VORBIS"),
        ("a.opus", "OGG", "OPUS"),
        ("a.mp3", "MP3", "MPEG_LAYER_III"),
    ],
)
def test_the_suffix_decides_the_format(tmp_path: Path, name: str, kind: str, subtype: str) -> None:
    Speech(TONE, 24000, "").save(tmp_path / name)

    written = soundfile.info(str(tmp_path / name))
    assert (written.format, written.subtype) == (kind, subtype)
    assert written.samplerate == 24000
    assert written.duration == pytest.approx(1.0, abs=0.1)


def test_a_wav_holds_the_samples_and_does_not_wrap_round(tmp_path: Path) -> None:
    Speech(np.array([0.5, -0.25, 1.5, -1.5], np.float32), 24000, "").save(tmp_path / "a.wav")

    samples, _ = soundfile.read(tmp_path / "a.wav")
    assert samples == pytest.approx([0.5, -0.25, 1.0, -1.0], abs=1e-4)


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a\.docx ends in \.docx; .*\.flac"):
        Speech(TONE, 24000, "").save(tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written: No such file or directory"):
        Speech(TONE, 24000, "").save(tmp_path / "no" / "a.wav")

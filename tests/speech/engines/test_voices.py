import pytest
import soundfile

from greenroom.errors import InvalidInput
from greenroom_speech.voices import voice, voices


def test_every_bundled_voice_is_a_short_mono_recording():
    assert {one.language for one in voices()} == {"en", "zh"}
    for one in voices():
        found = soundfile.info(one.path)
        assert (found.samplerate, found.channels, found.subtype) == (24_000, 1, "PCM_16")
        assert 5 <= found.duration <= 8
        assert one.transcript


def test_an_unknown_voice_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidInput, match="'bob'; it must be one of clara, henry, lan, wei"):
        voice("bob")

"""Sounds of all visitors fit into a bound."""

import io

import numpy as np
import soundfile

from greenroom_speech.ui.clips import Clip, Clips, Sounds


def clip():
    file = io.BytesIO()
    soundfile.write(file, np.zeros(1000), 16_000, format="WAV", subtype="PCM_16")
    return Clip(file.getvalue(), "text", "clone", "hot", 0.1)


def test_the_oldest_sounds_make_room_and_say_so():
    first, second, third, fourth = clips = [clip() for _ in range(4)]
    sounds = Sounds(2 * len(first.content))
    for one in clips[:3]:
        sounds.keep(one)
    assert (first.playable, first.seconds, sounds.get(first.token)) == (None, 1 / 16, None)
    assert second.playable[0] == third.playable[0] == 16_000
    sounds.forget(second)
    sounds.keep(fourth)
    assert (second.playable, sounds.get(third.token)) == (None, third)
    made = Clips().with_clip(third).with_clip(fourth)
    assert made.without(fourth).clips == (third,)

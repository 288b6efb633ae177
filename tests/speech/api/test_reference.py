"""The voice of a request."""

import shutil

import numpy as np
from voices_app import RATE, VoicesApp, read, sound

from greenroom_speech.api import reference
from greenroom_speech.api.reference import References
from greenroom_speech.settings import SpeechSettings


async def test_a_voice_is_read_once_until_its_recording_is_another(tmp_path, monkeypatch):
    web, were_read = VoicesApp(tmp_path / "voices"), []

    async def counted(content, field):
        were_read.append(field)
        return await read(content, field)

    def longest_kept(seconds):
        monkeypatch.setattr(reference, "_KEPT_BYTES", int(seconds * RATE * 4))
        return References(web.store, counted, SpeechSettings(), lambda name: False)

    references = longest_kept(seconds=1.0)
    for name, seed in (("one", 1), ("two", 2)):
        assert (await web.save(name, sound(seconds=0.4, seed=seed))).status_code == 201
    first, words = await references.named("one")
    again, _ = await references.named("one")
    other, _ = await references.named("two")
    assert words == "some words"
    assert np.array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)
    assert were_read == ["voice one", "voice two"]

    saved = tmp_path / "voices"
    shutil.copy(saved / "two" / "audio.flac", saved / "one" / "audio.flac")
    changed, _ = await references.named("one")
    assert np.array_equal(changed.samples, other.samples)

    too_short = longest_kept(seconds=0.3)
    for _ in range(2):
        await too_short.named("one")
    assert were_read[2:] == ["voice one"] * 2

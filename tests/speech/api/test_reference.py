"""The voice of a request."""

import shutil

import numpy as np
import pytest
from voices_app import RATE, VoicesApp, read, sound

from greenroom_speech.api import reference
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.reference import OwnVoice, References
from greenroom_speech.api.speech_request import SpeechRequest
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import UnknownVoice
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.tags import TAGS as KOKORO
from greenroom_speech.settings import SpeechSettings


async def test_a_voice_is_read_once_until_its_recording_is_another(tmp_path, monkeypatch):
    web, were_read = VoicesApp(tmp_path / "voices"), []

    async def counted(content, field):
        were_read.append(field)
        return await read(content, field)

    def longest_kept(seconds):
        monkeypatch.setattr(reference, "_KEPT_BYTES", int(seconds * RATE * 4))
        return References(web.store, counted, SpeechSettings(), EngineTags)

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


@pytest.fixture
async def references(tmp_path):
    """With a saved voice, and those of the engine kokoro."""
    web = VoicesApp(tmp_path / "voices")
    assert (await web.save("Grandmother")).status_code == 201
    return References(web.store, read, SpeechSettings(), lambda: KOKORO)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("CLARA", "clara"),
        ("grandMOTHER", "Grandmother"),
        ("Alloy", "clara"),
        ("HIBARI", "hibari"),
        ("AF_Bella(2) + af_sky", "af_bella(2)+af_sky"),
    ],
)
async def test_a_voice_is_found_in_any_case(references, asked, found):
    voice, words = await references.named(asked)
    if words is None:
        assert voice == OwnVoice(found)
    else:
        same, _ = await references.named(found)
        assert np.array_equal(voice.samples, same.samples)


async def test_a_transcript_is_refused_only_where_the_voice_has_one(references):
    asked = SpeechRequest(input="Yes.", voice="hibari", transcript="Well.")
    assert await references.of(asked) == (OwnVoice("hibari"), None)
    with pytest.raises(InvalidField, match="already has one"):
        await references.of(SpeechRequest(input="Yes.", voice="clara", transcript="Well."))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("af_bela", r"which does not exist; similar names are af_bella, .*\. GET /v1/audio/voices"),
        ("af", "similar names are af_alloy, af_aoede, af_bella, af_heart, .*, af_sky. GET"),
        ("grandmothr", r"similar names are Grandmother\."),
        ("shimer", r"similar names are shimmer\."),
        ("af_heart+af_skye", "of which 'af_skye' does not exist; similar names are af_sky"),
        ("af_heart+qqq", "of which 'qqq' does not exist; it must be one of clara, "),
        ("qqq", "'qqq'; it must be one of clara, .* or another that GET /v1/audio/voices lists"),
    ],
)
async def test_an_unknown_voice_names_those_of_every_kind(references, asked, told):
    with pytest.raises(UnknownVoice, match=told) as raised:
        await references.named(asked)
    assert str(raised.value).count(",") <= 22


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("", None),
        ({"id": ""}, None),
        ({"id": "lan"}, "lan"),
        (["lan"], "lan"),
        ([{"id": "lan"}], "lan"),
    ],
)
def test_a_voice_may_be_empty_an_object_or_in_a_list(given, name):
    assert SpeechRequest.model_validate({"input": "Yes.", "voice": given}).voice == name


async def test_one_of_the_engines_voices_costs_one_look_at_the_place(references, monkeypatch):
    looks, listed = [], VoicesOnDisk.listed
    monkeypatch.setattr(VoicesOnDisk, "listed", lambda place: looks.append(1) or listed(place))
    await references.named("hibari")
    assert looks == [1]

"""What the names and texts of a new voice may be, and that those of older ones are still read."""

import pytest
from pydantic import ValidationError

from greenroom.errors import Conflict, InvalidInput
from greenroom_speech.api.voice_facts import SavedVoice
from greenroom_speech.api.voice_request import VoiceChange, VoiceRequest
from greenroom_speech.api.voices_on_disk import VoicesOnDisk
from greenroom_speech.api.voices_store import VoicesStore

CYRILLIC_A = "\N{CYRILLIC SMALL LETTER A}"


def voice(name, transcript="some words"):
    return SavedVoice(name, transcript, "en", 1.0, "I agree.", 7)


@pytest.mark.parametrize(
    "name",
    [
        f"cl{CYRILLIC_A}ra",
        "\N{FULLWIDTH LATIN CAPITAL LETTER C}lara",
        "\N{HANGUL FILLER}",
        "a\N{HANGUL CHOSEONG FILLER}b",
        "\N{MATHEMATICAL BOLD CAPITAL A}bc",
        "\N{LATIN SMALL LIGATURE FF}",
        "\N{ARABIC-INDIC DIGIT THREE}abc",
    ],
)
def test_a_new_name_that_looks_like_another_one_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput, match="of one script"):
        VoicesStore(VoicesOnDisk(tmp_path)).check_free(name)


@pytest.mark.parametrize(
    "name",
    ["Ämy 2.0", "Zoë-2", "Иван 2", "Ελένη", "李伟", "タロウ太郎", "김철수", "lan 中文", "1_a"],
)
def test_names_of_many_languages_are_free(tmp_path, name):
    assert VoicesStore(VoicesOnDisk(tmp_path)).check_free(name) == name


def test_a_voice_of_an_older_release_is_still_read_and_its_name_taken(tmp_path):
    old = voice(f"cl{CYRILLIC_A}ra", "Hi \x1b[2J")
    VoicesOnDisk(tmp_path).create(old, b"fLaC")
    store = VoicesStore(VoicesOnDisk(tmp_path))
    assert store.get(old.name).transcript == old.transcript
    store.delete(old.name)
    with pytest.raises(Conflict):
        store.check_free("clara")


GIVEN = {"name": "mine", "file": b"YQ==", "consent": "I agree."}


@pytest.mark.parametrize("odd", ["\x1b]0;pwned\x07", "\x9b31m", "\b", "a\0b", "a\rb"])
@pytest.mark.parametrize("field", ["consent", "transcript", "description", "language"])
def test_no_text_of_a_voice_has_control_characters(field, odd):
    with pytest.raises(ValidationError, match="no control characters"):
        VoiceRequest(**GIVEN | {field: odd})


@pytest.mark.parametrize("blank", [" ", "\n\t", "\u200b", "\u3164", "\u2800\u202e", "\u0301"])
@pytest.mark.parametrize("field", ["consent", "transcript"])
def test_consent_and_transcript_say_something(field, blank):
    with pytest.raises(ValidationError, match="say something"):
        VoiceRequest(**GIVEN | {field: blank})


def test_a_correction_says_something_without_control_characters():
    for odd in (" ", "\x1b[2J"):
        with pytest.raises(ValidationError):
            VoiceChange(transcript=odd)


def test_line_ends_of_a_form_are_plain_ones():
    assert VoiceRequest(**GIVEN, transcript="a\r\nb\tc").transcript == "a\nb\tc"
    assert VoiceRequest(**GIVEN, transcript="好, \N{GRINNING FACE}").transcript

"""The page's texts in both languages."""

from greenroom_speech.ui.translations import Translations
from greenroom_speech.voices import voices


def test_bundled_voices_are_described_in_both_languages():
    for one in voices():
        assert Translations("en").known(one.description) == one.description
        assert not Translations("zh").known(one.description).isascii()

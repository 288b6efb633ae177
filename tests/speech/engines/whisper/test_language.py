import pytest

from greenroom.errors import InvalidInput
from greenroom_speech.engines.whisper.language import language_code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", None),
        ("  ", None),
        ("zh", "zh"),
        ("ZH", "zh"),
        ("zh-CN", "zh"),
        ("en_US", "en"),
        ("Chinese", "zh"),
        ("haitian creole", "ht"),
        ("mandarin", "zh"),
        ("cantonese", "yue"),
        ("yue-HK", "yue"),
    ],
)
def test_codes_tags_and_names_are_understood(given, code):
    assert language_code(given, 100) == code


@pytest.mark.parametrize(("given", "count"), [("xx", 100), ("yue", 99), ("zh", 1), ("-", 100)])
def test_a_language_that_the_checkpoint_lacks_is_named(given, count):
    with pytest.raises(InvalidInput, match=rf"^AUDIO_LANGUAGE is '{given}'; it must be one of en"):
        language_code(given, count)

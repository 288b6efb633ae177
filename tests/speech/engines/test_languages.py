import pytest

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.base_texts import BASE_TEXTS
from greenroom_speech.engines.embedded.espeak import Espeak
from greenroom_speech.engines.embedded.languages import LANGUAGES, language_of
from greenroom_speech.engines.english_asr import is_english


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Good morning.", "en"),
        ("早上好", "zh"),
        ("おはようございます", "ja"),
        ("カタカナ", "ja"),
        ("안녕하세요", "ko"),
        ("доброе утро", "ru"),
        ("صباح الخير", "ar"),
        ("सुप्रभात", "hi"),
        ("123", "en"),
        ("She says привет every day", "en"),
        ("Привет, Anna", "ru"),
        ("Say 你好 to everybody", "zh"),
        ("こんにちは, Anna Maria", "ja"),
    ],
)
def test_the_script_tells_the_language(words, code):
    assert language_of(words).code == code


@pytest.mark.parametrize("given", ["zh", "cmn", "ZH_CN", " Mandarin ", "zh-TW"])
def test_a_given_language_has_several_names(given):
    assert language_of("hello", given).code == "zh"


def test_an_unknown_language_is_refused_with_those_that_are_spoken():
    with pytest.raises(InvalidInput, match=r"^LANGUAGE is 'klingon'.*en, zh, yue, ja, ko"):
        language_of("hello", "klingon")


def test_kanji_are_refused_rather_than_misread():
    with pytest.raises(InvalidInput, match=r"nothing in it can be spoken.* the kanji '日'"):
        language_of("きょうは日ようび")


def test_english_has_several_names():
    assert is_english("EN-us")
    assert not is_english("zh")


def test_espeak_has_a_voice_and_a_text_for_every_language():
    espeak = Espeak()
    try:
        for language in LANGUAGES:
            samples, rate = espeak.speak(BASE_TEXTS[language.code], language.espeak)
            assert samples.size > 3 * rate, language
    finally:
        espeak.close()

"""Mandarin as phonemes."""

import pytest

from greenroom_speech.engines.kokoro.mandarin import Mandarin
from greenroom_speech.engines.kokoro.phrases import vocabulary

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mandarin(tmp_path_factory):
    return Mandarin(tmp_path_factory.mktemp("runtime") / "jieba")


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("你好，世界。", "ni↓xau↓, ʂɨ↘ʨje↘."),
        ("《红楼梦》很好看！", "“xʊ↗ŋlou↗mə↘ŋ” xə↓n xau↓kʰa↘n!"),
        ("买了3台iPhone手机", "mai↓ lɤ sa→ntʰai↗ ˈIfˌOn ʂou↓ʨi→"),
        ("。", "."),
        ("一杯café，谢谢", "i→pei→ kæfˈA, ɕje↘ɕje↘"),
    ],
)
def test_words_digits_and_english_are_read(mandarin, text, phonemes):
    assert mandarin.phonemes(text) == phonemes
    assert set(phonemes) <= vocabulary().keys()


def test_a_character_without_a_known_sound_is_left_out_and_named(mandarin):
    assert mandarin.phonemes("我喜欢㐂字。") == mandarin.phonemes("我喜欢 字。")
    assert mandarin.silent("我喜欢㐂㐂字 a。") == "㐂"


def test_jiebas_dictionary_lies_where_only_this_user_may_write(tmp_path):
    folder = tmp_path / "runtime" / "jieba"
    Mandarin(folder).phonemes("你好")
    assert [path.name for path in folder.iterdir()] == ["jieba.cache"]
    assert folder.stat().st_mode & 0o777 == 0o700

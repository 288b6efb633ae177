"""Where the phonemes of a text are cut into phrases."""

import pytest

from greenroom_speech.engines.kokoro.phrases import LONGEST, phrases

WORD = "pˈipᵊl"
LONG = "o" * 36


def said(spoken: str) -> list[str]:
    return [phrase.phonemes for phrase in phrases(spoken)]


@pytest.mark.parametrize(
    ("spoken", "cut"),
    [
        ("hˈI.", ["hˈI."]),
        ("ɡˈʊd ˈivnɪŋ, ænd wˈɛlkəm.", ["ɡˈʊd ˈivnɪŋ, ænd wˈɛlkəm."]),
        (f"a b c d {LONG}.", ["a b c", f"d {LONG}."]),
        (f"a b c, d {LONG}.", ["a b c,", f"d {LONG}."]),
        (f"a b, c d {LONG}.", ["a b,", f"c d {LONG}."]),
        (f"ðə ʧˈɪldɹᵊn ɑɹ plˈAɪŋ ɪn {LONG}.", ["ðə ʧˈɪldɹᵊn ɑɹ plˈAɪŋ", f"ɪn {LONG}."]),
        (
            "ma→ma→ ʦwo↘ tɤ fa↘n ʦʊ↓ŋʂɨ↘ ʦwei↘ xau↓ꭧʰɨ→ tɤ.",
            ["ma→ma→ ʦwo↘ tɤ fa↘n ʦʊ↓ŋʂɨ↘", "ʦwei↘ xau↓ꭧʰɨ→ tɤ."],
        ),
        (
            "ꭧɤ↘ pə↓nʂu→ ʨja↓ŋ tɤ ʂɨ↘ i↗kɤ↘ lau↓ɻə↗n tɤ ku↘ʂɨ↘.",
            ["ꭧɤ↘ pə↓nʂu→", "ʨja↓ŋ tɤ ʂɨ↘ i↗kɤ↘ lau↓ɻə↗n tɤ ku↘ʂɨ↘."],
        ),
        ("a b. c d! “e f?” g", ["a b.", "c d!", "“e f?”", "g"]),
        ("a ... b", ["a ...", "b"]),
        ("... !", []),
        ("", []),
    ],
)
def test_the_first_phrase_is_short_and_sentences_stay_apart(spoken, cut):
    assert said(spoken) == cut


@pytest.mark.parametrize("words", [12, 30, 200])
def test_no_phrase_is_longer_than_a_step_allows_and_nothing_is_lost(words):
    spoken = "a. " + " ".join([WORD] * words) + "."
    cut = said(spoken)
    assert " ".join(cut) == spoken
    assert max(map(len, cut)) <= LONGEST
    assert min(map(len, cut[1:])) >= LONGEST / 3


def test_a_long_sentence_is_cut_at_a_comma():
    clause = " ".join([WORD] * 4)
    assert said(f"a. {clause}, {clause}, {clause}.")[1] == f"{clause}, {clause},"


def test_a_word_longer_than_a_phrase_is_cut_too():
    assert said("a. " + "o" * (LONGEST + 5)) == ["a.", "o" * LONGEST, "o" * 5]


def test_the_pause_is_that_of_the_punctuation():
    pauses = [phrase.pause for phrase in phrases(f"a b c, {LONG} g h. i j k!")]
    assert pauses == [0.16, 0.3, 0.3]
    assert phrases(f"a b c {LONG}")[0].pause == 0.02

"""Texts are cut where a speaker would pause."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom_speech.api.arriving_text import ArrivingText
from greenroom_speech.sentences import pieces, spoken_seconds


def sentences(text: str) -> list[str]:
    """Return pieces too short for two sentences, but long enough for one."""
    return pieces(text, longest=3.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "We met Dr. Smith at 3.15 today. He was very late again!",
            ["We met Dr. Smith at 3.15 today.", "He was very late again!"],
        ),
        (
            'She asked: "Are you all coming?" Nobody said anything then.',
            ['She asked: "Are you all coming?"', "Nobody said anything then."],
        ),
        (
            '"Are you all coming?" she asked. Nobody said anything then.',
            ['"Are you all coming?" she asked.', "Nobody said anything then."],
        ),
        (
            "They live in the U.S. Army base near J. R. Tolkien. Not any more now.",
            ["They live in the U.S. Army base near J. R. Tolkien.", "Not any more now."],
        ),
        (
            "The answer to all of it was no. 7 people or no. Then we went home.",
            ["The answer to all of it was no. 7 people or no.", "Then we went home."],
        ),
        (
            "Well... perhaps one of them. It is hard to say, really.",
            ["Well... perhaps one of them.", "It is hard to say, really."],
        ),
        (
            "今天天气很好。我们去公园吧！“好的。”他说完就走了……然后呢？",
            ["今天天气很好。我们去公园吧！", "“好的。”他说完就走了……然后呢？"],
        ),
        ("今日はいい天気。明日も晴れるかな？", ["今日はいい天気。", "明日も晴れるかな？"]),
        ("오늘은 날씨가 좋아요. 내일은 어때요?", ["오늘은 날씨가 좋아요.", "내일은 어때요?"]),
        (
            "A heading without a stop at its end\nAnd then the first sentence",
            ["A heading without a stop at its end", "And then the first sentence"],
        ),
        (
            "This is all there is to say. [clears throat]",
            ["This is all there is to say. [clears throat]"],
        ),
        (
            "1. The first point is this one. 2. The second one is that.",
            ["1. The first point is this one.", "2. The second one is that."],
        ),
    ],
)
def test_sentences_are_told_apart(text: str, expected: list[str]) -> None:
    longest = max(spoken_seconds(part) for part in expected) + 0.1
    assert pieces(text, longest) == expected


def test_short_sentences_stay_together_in_pieces_of_about_equal_length() -> None:
    text = " ".join(f"This is the sentence with the number {n}." for n in range(1, 11))
    cut = pieces(text)
    seconds = [spoken_seconds(piece) for piece in cut]
    assert len(cut) == 2
    assert max(seconds) <= 20
    assert min(seconds) > 0.6 * max(seconds)


def test_a_text_that_fits_is_one_piece() -> None:
    assert pieces("One.  Two.\nThree. ") == ["One. Two. Three."]


@pytest.mark.parametrize("text", ["", "  \n "])
def test_nothing(text: str) -> None:
    assert pieces(text) == []


def test_a_long_sentence_is_cut_between_clauses_then_words() -> None:
    clauses = ", ".join(["and then they went on and on with it"] * 12)
    assert all(piece.endswith(("it,", "it")) for piece in pieces(clauses, 10))
    words = " ".join(["word"] * 200)
    assert all(set(piece.split()) == {"word"} for piece in pieces(words, 10))
    assert [len(piece) for piece in pieces("长" * 100, 11)] == [50, 50]


def test_a_tag_is_never_cut() -> None:
    text = "我们走吧[clears throat]" * 40
    assert all(piece.count("[clears throat]") == piece.count("[") for piece in pieces(text, 5))


@given(st.text(alphabet="aB1 .,!?。，…'\"[]\n好カ한", max_size=300), st.floats(1, 30))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, longest: float) -> None:
    cut = pieces(text, longest)
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(len(piece) < 40 or spoken_seconds(piece) <= longest for piece in cut)


@pytest.mark.parametrize("unit", [". ", "mr. ", "[a] ", "\n", "[", "a"])
def test_no_text_takes_time_with_the_square_of_its_length(unit):
    """Of a text that arrives it is the event loop's, in which nobody else is served."""
    began, text = time.process_time(), ArrivingText()
    text.add((unit * 2**16)[: 2**16])
    assert time.process_time() - began < 10

"""Text that is still being written becomes sentences as soon as they are known to have ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom_speech.api.arriving_text import ArrivingText


async def taken(text):
    text.end()
    return [said.text async for said in text.taken()]


@pytest.mark.parametrize(
    ("parts", "ready"),
    [
        (["Hel", "lo."], False),
        (["Hello.", " "], False),
        (["Hello.", " W"], True),
        (["Dr.", " Who"], False),
        (["It costs 3.", "5 dollars"], False),
        (["你好。", "我"], True),
        (["word " * 200], True),
    ],
)
def test_a_sentence_is_ready_when_the_next_begins(parts, ready):
    text = ArrivingText()
    for part in parts:
        text.add(part)
    assert text.has_sentence == ready


async def test_what_is_flushed_is_said_though_no_sentence_has_ended():
    text = ArrivingText()
    text.add("Well, ")
    text.flush()
    assert text.has_sentence
    text.add("then. \U0001f44d And so on")
    assert await taken(text) == ["Well,", "then.", "\U0001f44d And so on"]
    assert text.waiting == 0


@given(st.lists(st.text("ab. \n!?。", max_size=8), max_size=12))
async def test_no_letter_is_lost_however_it_comes(parts):
    text = ArrivingText()
    for part in parts:
        text.add(part)
    letters = [sign for piece in await taken(text) for sign in piece if sign.isalnum()]
    assert letters == [sign for sign in "".join(parts) if sign.isalnum()]

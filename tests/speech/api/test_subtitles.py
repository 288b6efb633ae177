"""Subtitles: what broadcasters ask of captions, whatever the words and their times are."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom_speech.api.subtitles import COLUMNS, LONGEST, _width, captions, srt, vtt
from greenroom_speech.engines.times import Timed


def said(text, seconds=0.3, at=0.0):
    """Words one after another; Chinese characters are one each."""
    parts = re.findall(r"[\u4e00-\u9fff][，。！？]?|\s*[^\s\u4e00-\u9fff]+", text)
    return [Timed(one, at + k * seconds, at + (k + 1) * seconds) for k, one in enumerate(parts)]


LONG = (
    "When the sunlight strikes raindrops in the air, they act as a prism and form a rainbow; the "
    "rainbow is a division of white light into many beautiful colours. These take the shape of a "
    "long round arch, with its path high above."
)


def test_a_long_sentence_comes_apart_at_its_clauses():
    shown = captions(said(LONG))
    assert [" ".join(one.lines) for one in shown] == [
        "When the sunlight strikes raindrops in the air,",
        "they act as a prism and form a rainbow;",
        "the rainbow is a division of white light into many beautiful colours.",
        "These take the shape of a long round arch, with its path high above.",
    ]
    assert shown[0].lines == ("When the sunlight strikes", "raindrops in the air,")
    assert [one.start for one in shown] == pytest.approx([0, 2.4, 5.1, 8.7])


def test_short_sentences_that_follow_at_once_share_a_caption():
    shown = captions([*said("Yes. No. Why?"), *said("Later.", at=3.0)])
    assert [one.lines for one in shown] == [("Yes. No. Why?",), ("Later.",)]
    assert shown[1].end == 4.0, "a second, though the word is shorter"


def test_chinese_has_21_characters_a_line():
    text = "今天天气很好，我们一起去公园散步，然后回家做饭，晚上再看一部老电影，明天早上还要上班。"
    shown = captions(said(text, 0.25))
    assert "".join("".join(one.lines) for one in shown) == text
    assert all(len(line) <= 21 for one in shown for line in one.lines)


def test_files():
    words = [*said("Fish & <chips>."), *said("Good day.", at=3725.5)]
    assert srt(words) == (
        "1\n00:00:00,000 --> 00:00:01,000\nFish & <chips>.\n\n"
        "2\n01:02:05,500 --> 01:02:06,500\nGood day.\n"
    )
    assert vtt(words) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nFish &amp; &lt;chips&gt;.\n\n"
        "01:02:05.500 --> 01:02:06.500\nGood day.\n"
    )
    assert (srt([]), vtt([])) == ("", "WEBVTT\n")


WORD = st.text("abcXYZ.,;!?-" + "你好。，", min_size=1, max_size=60)


@given(st.lists(st.tuples(WORD, st.floats(0, 3), st.floats(0, 4)), max_size=60))
def test_whatever_is_said_captions_keep_the_rules_and_all_words(drawn):
    words, at = [], 0.0
    for word, pause, seconds in drawn:
        words.append(Timed(f" {word}", at + pause, at + pause + seconds))
        at += pause + seconds
    shown = captions(words)
    assert all(1 <= len(one.lines) <= 2 for one in shown)
    assert all(_width(line) <= COLUMNS for one in shown for line in one.lines)
    assert all(0.999 <= one.end - one.start <= LONGEST + 0.001 for one in shown)
    assert all(one.end <= later.start for one, later in pairwise(shown))
    kept = "".join("".join("".join(one.lines) for one in shown).split())
    assert kept == "".join(word for word, *_ in drawn)

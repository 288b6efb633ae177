"""What is read aloud of a text: the table of docs/text.md, and what holds for any text."""

import asyncio
import json
import re
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom.settings import PROJECT
from greenroom_speech.engines.engine_tags import EngineTags
from greenroom_speech.engines.kokoro.tags import TAGS as KOKORO
from greenroom_speech.engines.step_audio.tags import TAGS
from greenroom_speech.reading import aloud
from greenroom_speech.reading.aloud import reading_of
from greenroom_speech.reading.plain import plain
from greenroom_speech.reading.spoken_form import spoken_form

KEPT = (*TAGS.language_tags, *TAGS.text_tags)


def parts(text, **options):
    return [(part.text, part.pause) for part in plain(text, KEPT, **options).parts]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("# Title\nHello **bold** _it_, ~~gone~~ `make`", "Title\n\nHello bold it, gone make"),
        ("- one\n- two\n\n3. three\n4. four", "one\ntwo\n\n3. three\n4. four"),
        ("- [x] done\n- [ ] to do\n- a [x] b", "done\nto do\na [x] b"),
        ("The words[^1] go on.\n\n[^1]: A note.", "The words go on.\n\nA note."),
        ("[the words](http://a.b/c) ![a tree](t.png)", "the words a tree"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a, b\n1, 2"),
        ("before\n\n```py\nx = 1\n```\n\nafter", "before\n\nafter"),
        ("<p>One <b>two</b></p><p>three</p><script>x()</script>", "One two\n\nthree"),
        ("<speak>One <prosody rate='x'>two</prosody></speak>", "One two"),
        ("a < b & c &amp; d &lt;b&gt; <3 <never", "a < b & c & d <b> <3 <never"),
        ("2*3*4 and 5 * 6 and snake_case_name", "2*3*4 and 5 * 6 and snake_case_name"),
        ("    four spaces", "four spaces"),
        ("line\nline\n\nparagraph", "line\nline\n\nparagraph"),
        ("[Japanese]你guo4去[Laughter] *x*", "[Japanese]你guo4去[Laughter] x"),
        ("[Laughter](x) [unknown]", "[Laughter](x) [unknown]"),
    ],
)
def test_marks_are_not_read(written, words):
    assert parts(written) == [(words, 0.0)]


def test_code_is_read_where_it_is_asked_for():
    assert parts("see\n```py\nx = 1\n```", read_code=True) == [("see\nx = 1", 0.0)]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('One<break time="500ms"/>two', [("One", 0.5), ("two", 0.0)]),
        ("One <BREAK time='1.5s'> two", [("One", 1.5), ("two", 0.0)]),
        ("One<break/>two<break strength='none'/>", [("One", 0.4), ("two", 0.0)]),
        ("One<break time='99s'/>", [("One", 10.0)]),
        ("One\n\n---\n\ntwo", [("One", 0.6), ("two", 0.0)]),
    ],
)
def test_breaks_are_pauses(written, found):
    assert parts(written) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5㎏ of 5㎡", "5kg of 5m²"),
        ("⽇本 ⒽⒾ ＡＢ１２ \U0001d4f1 ﬁne", "日本 HI AB12 h fine"),
        ("④ and ❿, ⑴", "4  and  10 ,  (1)"),
        ("½ ² ℃ №5 ㄱ ！", "½ ² ℃ №5 ㄱ ！"),
    ],
)
def test_letters_and_units_with_a_look_of_their_own_are_the_usual_ones(text, words):
    assert "".join(part.text for part in plain(text).parts) == words


@pytest.mark.parametrize(
    ("text", "words", "unsaid"),
    [
        ("I \u2764\ufe0f it \U0001f600", "I    it", "\u2764\ufe0f\U0001f600"),
        ("a \U0001f44d\U0001f3fd b", "a    b", "\U0001f3fd\U0001f44d"),
        ("half \ud83d of it", "half   of it", "\ufffd"),
        ("bell\x07 20 °C ©", "bell  20 °C ©", ""),
    ],
)
def test_what_no_engine_can_say_is_left_out_and_told(text, words, unsaid):
    said = plain(text)
    assert [part.text for part in said.parts] == [words]
    assert said.signs == unsaid


@pytest.mark.parametrize(
    ("text", "language", "voice", "spoken", "unsaid"),
    [
        ("Good שלום day.", None, None, "Good      day.", "שלום"),
        ("Good สวัสดี day \U0001f600.", None, None, "Good        day .", "\U0001f600 สวัสดี"),
        ("Good привет day.", None, None, "Good        day.", "привет"),
        ("Привет, Anna, как дела", None, None, "Привет, Anna, как дела", ""),
        ("It is 안녕, which people say.", None, None, "It is   , which people say.", "안녕"),
        ("Tokyo is 東京 and a Japanese hello こんにちは.", None, None, None, "こんにちは"),
        ("Good привет day.", "en", None, "Good        day.", "привет"),
        ("Good привет day.", None, "af_sky", "Good        day.", "привет"),
        ("你好 αβγ hello", None, "af_sky", "你好     hello", "αβγ"),
        ("π is not 5 μm, x ≥ y", None, "af_sky", "pi is not five micrometers, x at least y", ""),
        ("a ∮ b", None, None, "a   b", "∮"),
        ("你好 こんにちは 世界", None, "af_sky(2)+af_bella", "你好       世界", "こんにちは"),
        ("Good 你好 day.", None, "af_sky", "Good 你好 day.", ""),
        ("Good 你好 day.", None, "hibari+af_sky", "Good    day.", "你好"),
        ("naïve Straße Łódź ﬁn ｎow x̂, 5 µm", None, "af_sky", None, ""),
        ("שלום", "en", None, "שלום", "שלום"),
    ],
)
def test_words_without_a_sound_are_left_out_and_told(text, language, voice, spoken, unsaid):
    reading = reading_of(text, language, KOKORO, voice)
    (piece,) = reading.pieces()
    assert reading.unsaid() == unsaid
    assert spoken is None or reading.spoken(piece.text) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("+1 555 0100", "plus one, five five five, zero one zero zero"),
        ("10⁻⁹ m, 10⁶ cells", "ten to the minus nine m, ten to the six cells"),
        (
            "²³⁵U, x⁴, x², 5 m²",
            "two hundred and thirty five U, x to the four, x squared, five square meters",
        ),
        ("2⅓ cups, ⅔ of ³⁄₄", "two and one third cups, two thirds of three quarters"),
        ("5 s⁻¹, Ca²⁺, H₂O", "five per second, Ca two plus, H two O"),
        ("5 m/s, 5 kΩ, 5 μm", "five meters per second, five kiloohms, five micrometers"),
        ("Δx = λ ± αβ", "delta x = lambda plus or minus alpha beta"),
        ("5€, CA$10, ¥1,000", "five euros, ten Canadian dollars, one thousand yen"),
        (
            "1,234.5 of 1 000 000",
            "one thousand two hundred and thirty four point five of one million",
        ),
        ("No. 5 of Version v2.51", "number five of version two point fifty one"),
        ("2024-01-01T12:30:00Z", "the first of january twenty twenty four at twelve thirty UTC"),
        ("(https://b.example/x), Ok 5", "(b dot example), Ok five"),
        ("Call (555) 123-4567.", "Call five five five, one two three, four five six seven."),
        ("#1", "number one"),
        ("№5", "number five"),
        ("v2.51", "version two point fifty one"),
        ("It is 3.11.7 now", "It is three point eleven point seven now"),
        ("1,234", "one thousand two hundred and thirty four"),
        ('"5"', '"five"'),
        ("a\\5\n2 lines", "a\\five\ntwo lines"),
        ("It costs $5.20.", "It costs five dollars and twenty cents."),
        ("$1,000 or $1.5 million", "one thousand dollars or one point five million dollars"),
        ("£1.5m, $20k", "one point five million pounds, twenty thousand dollars"),
        ("1.5e-3 of 7E7", "one point five times ten to the minus three of seven E seven"),
        ("Dr. Smith has 3 kg", "doctor Smith has three kilograms"),
        (
            "On 2026-11-29 at 10:30 am",
            "On the twenty ninth of november twenty twenty six at ten thirty AM",
        ),
        ("the 1990s, 1000 of 25%", "the nineteen nineties, one thousand of twenty five percent"),
        ("100 m, 24/7, +5, 5¢", "one hundred meters, twenty four seven, plus five, five cents"),
        ("12345678901234567890", "one two three four five six seven eight nine zero " * 2),
        ("see https://www.example.com/a?b=1 now", "see example dot com now"),
        ("a.b@c.org", "a dot b at c dot org"),
        ("5 [Laughter] 6", "five [Laughter] six"),
        ("no figures here", "no figures here"),
    ],
)
def test_figures_are_spoken_in_english(written, spoken):
    assert spoken_form(written, "en", KEPT) == spoken.strip()


def documented():
    """The rows of the table of figures."""
    page = (PROJECT / "docs" / "text.md").read_text().partition("## 5.")[2]
    for written, spoken in re.findall(r"^\| (`.*) \| (.*) \|$", page, re.MULTILINE):
        yield ", ".join(re.findall("`(.*?)`", written)), spoken


@pytest.mark.parametrize(("written", "spoken"), list(documented()))
def test_the_documents_table_is_true(written, spoken):
    language = "zh" if "年" in written else "en"
    assert spoken_form(written, language, KEPT) == spoken


@pytest.mark.parametrize(
    ("written", "language", "spoken"),
    [
        ("今天是2026年11月29日", "zh", "今天是二零二六年十一月二十九日"),
        ("电话+86 138 0013 8000", "zh", "电话加八六，幺三八，零零幺三，八零零零"),
        ("GPT-4 很好, 50%", "zh", "GPT-four 很好, 百分之五十"),
        ("他guo4去3个", "zh", "他guo4去三个"),
        ('"1,234"人', "zh", '"一千二百三十四"人'),
        ("這是v2.51", "zh", "這是version two point fifty one"),
        ("価格は100円です", "ja", "価格は百円です"),
        ("5 Äpfel", "de", "5 Äpfel"),
    ],
)
def test_each_script_is_read_in_its_own_language(written, language, spoken):
    assert spoken_form(written, language, KEPT) == spoken


ANY_TEXT = st.text(st.characters(codec=None), max_size=120)
AWKWARD = st.lists(
    st.sampled_from(
        [*"0159.,+-#/:%$°@()[]{}\\\"'*_`<>|~^&\n\t \u00a0中かé€№²½", "[Laughter]", "<break/>", "ü3"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANY_TEXT, AWKWARD), st.sampled_from([None, "en", "zh", "Japanese", "xx"]))
def test_any_text_can_be_read(text, language):
    reading = reading_of(text, language, TAGS)
    for piece in reading.pieces():
        spoken = reading.spoken(piece.text)
        json.dumps(spoken, ensure_ascii=False).encode()
        for tag in KEPT:
            assert spoken.count(tag) == piece.text.count(tag)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([*KEPT, "guo4", "hao3", "我", " and 5 "]), max_size=12))
def test_what_is_protected_stays(words):
    text = "".join(words)
    reading = reading_of(text, None, TAGS)
    spoken = "".join(reading.spoken(part.text) for part in reading.parts)
    tags = re.compile("|".join(map(re.escape, KEPT)))
    assert tags.findall(spoken) == tags.findall(text)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["[" * 20_000, "a**b" * 5000, "1 " * 200, "<b" * 9000, "#5[" * 90])
def test_no_text_holds_other_threads_up(text):
    """Pure Python and short calls: another thread gets its turn all the time."""
    turns, ended = [], threading.Event()

    def count():
        while not ended.is_set():
            turns.append(time.perf_counter())
            time.sleep(0)

    counter = threading.Thread(target=count)
    counter.start()
    try:
        reading = reading_of(text, "en", TAGS)
        reading.spoken(text[:1000])
    finally:
        ended.set()
        counter.join()
    assert len(turns) > 1


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["[a", "![", "***a"])
def test_no_marks_take_time_with_the_square_of_their_number(unit):
    """A tenth of a megabyte took minutes of a processor."""
    began = time.process_time()
    plain((unit * 2**16)[: 2**16])
    assert time.process_time() - began < 20


async def test_few_long_texts_are_read_at_one_time(monkeypatch):
    reading, most, lock = 0, 0, threading.Lock()

    def slow(*of_reading, **more):
        nonlocal reading, most
        with lock:
            reading += 1
            most = max(most, reading)
        time.sleep(0.05)
        with lock:
            reading -= 1

    monkeypatch.setattr(aloud, "reading_of", slow)
    read_aloud = aloud.ReadAloud(EngineTags, read_code=False)
    await asyncio.gather(*(read_aloud.of("a" * 20_000, None) for _ in range(5)))
    assert most == 2


def test_marks_are_read_in_every_part_of_a_long_paragraph():
    assert parts("**some** words\n" * 1000) == [(("some words\n" * 1000).strip(), 0.0)]
    assert parts("**some** words " * 1000) == [(("some words " * 1000).strip(), 0.0)]

"""Long texts, sentence by sentence."""

import asyncio
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_gateway import RATE, ScriptedGateway

from greenroom.errors import InvalidInput
from greenroom_speech.api.formats import Formats
from greenroom_speech.api.openai_errors import InvalidField
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.sound_answer import SoundAnswer, SoundOptions
from greenroom_speech.codec.recording import Recording
from greenroom_speech.reading.aloud import Reading
from greenroom_speech.reading.pieces import said as said_of
from greenroom_speech.reading.plain import TextPart
from greenroom_speech.sentences import LONGEST_SECONDS, spoken_seconds

REFERENCE = Recording(np.ones(10, np.float32), RATE)
STORY = " ".join(f"This is the sentence with the number {number}." for number in range(40))


def said(text):
    return said_of([TextPart(text, 0.0)])


def script(text):
    return Script(REFERENCE, "words", {}, Reading([TextPart(text, 0.0)]))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One sentence.", [("One sentence.", 0)]),
        ("Yes. And then no.", [("Yes.", 0.25), ("And then no.", 0)]),
        ("A title\n\nThen the text.", [("A title", 0.6), ("Then the text.", 0)]),
        ("First.\n\n---\n\nLast.", [("First.", 0.6), ("Last.", 0)]),
        (
            "Well… \U0001f600 fine. Go on!",
            [("Well…", 0.25), ("\U0001f600 fine.", 0.25), ("Go on!", 0)],
        ),
        ("今天天气很好。我们走吧！", [("今天天气很好。", 0.25), ("我们走吧！", 0)]),
    ],
)
def test_a_text_is_cut_where_a_speaker_pauses(text, pieces):
    assert [(piece.text, piece.pause) for piece in said(text)] == pieces


@pytest.mark.parametrize("text", ["", " \n\n ", "...", "—", "\U0001f44d", "!?", "* * *"])
def test_nothing_is_said_of_what_says_nothing(text):
    assert list(said(text)) == []


def test_pieces_grow_with_what_has_been_heard_before_them():
    pieces = [piece.text for piece in said(STORY)]
    seconds = [spoken_seconds(piece) for piece in pieces]
    assert pieces[0] == "This is the sentence with the number 0."
    for place, one in enumerate(seconds[1:], 1):  # spaces between sentences count a little
        assert one <= 1.05 * max(sum(seconds[:place]), max(seconds[:2]))
    assert 10 < max(seconds) <= LONGEST_SECONDS
    assert " ".join(pieces) == STORY


def test_a_long_text_is_cut_as_it_is_said():
    text = "word " * 400_000
    begin = time.process_time()
    next(said(text))
    assert time.process_time() - begin < 0.2


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_letter_is_lost(text):
    kept = "".join(piece.text for piece in said(text))
    assert [sign for sign in kept if sign.isalnum()] == [sign for sign in text if sign.isalnum()]


async def test_the_next_piece_is_in_work_while_one_is_used_and_no_more():
    gateway = ScriptedGateway()
    gateway.let.release()
    async with Pipeline(gateway, 100).speech(script(STORY)) as speech:
        await anext(speech.pieces)
        await gateway.begun.acquire()
        await gateway.begun.acquire()
        await asyncio.sleep(0)
        assert gateway.asked == [
            "This is the sentence with the number zero.",
            "This is the sentence with the number one.",
        ]
    assert gateway.leases == 0


async def test_pauses_are_silence_between_pieces():
    gateway = ScriptedGateway()
    for _ in range(2):
        gateway.let.release()
    async with Pipeline(gateway, 100).speech(script("Yes.\n\nNo no.")) as speech:
        pieces = [piece.samples async for piece in speech.pieces]
    sound = np.concatenate(pieces)
    assert np.flatnonzero(sound == 0).tolist() == list(range(4, 4 + round(0.6 * RATE)))


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
async def test_a_lease_knows_how_long_its_listener_has_sound(speed):
    gateway, sent = ScriptedGateway(), 0
    gateway.let_all()
    gateway.samples = RATE // 10

    async def send(message):
        nonlocal sent
        sent += len(message.get("body", b"")) // 2

    speech = Pipeline(gateway, 100).speech(script("Yes.\n\nNo no."))
    await SoundAnswer(speech, Formats(None), SoundOptions("pcm", speed))({}, None, send)
    listened, spoken = sent / RATE, len("Yes.No no.") / 10
    assert listened == pytest.approx((spoken + 0.6) / speed, abs=0.01)
    # What a window overlaps comes with the end.
    assert spoken + gateway.more_seconds == pytest.approx(listened, abs=0.1)


@pytest.mark.parametrize(
    "text", ["Unspeakable.\n\nYes.\n\nNo.", "Yes.\n\nUnspeakable.\n\nNo.\n\nUnspeakable."]
)
async def test_what_the_engine_cannot_say_is_left_out_with_a_warning(text):
    gateway = ScriptedGateway()
    gateway.let_all()
    async with Pipeline(gateway, 100).speech(script(text)) as speech:
        sound = np.concatenate([piece.samples async for piece in speech.pieces])
    pause = round(0.6 * RATE)
    assert np.flatnonzero(sound == 0).tolist() == list(range(4, 4 + pause))
    assert sound.size == len("Yes.") + pause + len("No.")
    assert set(speech.warnings) == {"'Unspeakable.' was left out: nothing in it can be spoken."}


@pytest.mark.parametrize("field", ["voice", "reference_audio", "file"])
async def test_what_is_wrong_with_a_recording_is_told_of_the_field_that_brought_it(field):
    gateway = ScriptedGateway()
    gateway.let_all()
    asked = replace(script("Silent."), recording_field=field)
    with pytest.raises(InvalidField, match="The recording is silent") as raised:
        async with Pipeline(gateway, 100).speech(asked) as speech:
            await anext(speech.pieces)
    assert raised.value.param == field


async def test_a_piece_that_is_wholly_left_out_is_told_once():
    gateway = ScriptedGateway()
    gateway.let_all()
    text = TextPart("Good evening. \u0414\u0430 Unspeakable. Good night.", 0.0)
    reading = Reading([text], "en", scripts={"en": ("LATIN",)})
    async with Pipeline(gateway, 100).speech(Script(REFERENCE, "", {}, reading)) as speech:
        assert [sound async for sound in speech.pieces]
    told = "'\u0414\u0430 Unspeakable.' was left out: nothing in it can be spoken."
    assert speech.warnings == [told]


async def test_a_text_of_which_nothing_can_be_said_is_refused():
    gateway = ScriptedGateway()
    gateway.let_all()
    with pytest.raises(InvalidInput, match="nothing in it can be spoken in 'en'"):
        async with Pipeline(gateway, 100).speech(script("Unspeakable. Unspeakable too.")) as speech:
            await anext(speech.pieces)


async def test_the_longest_speech_is_bounded_and_what_is_made_before_is_heard():
    gateway = ScriptedGateway()
    for _ in range(50):
        gateway.let.release()
    heard = []

    async def hear():
        async with Pipeline(gateway, 2.0).speech(script(STORY)) as speech:
            async for piece in speech.pieces:
                heard.append(piece.seconds)

    with pytest.raises(InvalidInput, match="takes more than 2 s to say"):
        await hear()
    assert 1 < sum(heard) <= 2


async def test_a_text_without_words_is_a_short_silence_and_needs_no_model():
    gateway = ScriptedGateway()
    async with Pipeline(gateway, 100).speech(script("...")) as speech:
        pieces = [piece async for piece in speech.pieces]
    assert [piece.seconds for piece in pieces] == [0.25]
    assert not np.any(pieces[0].samples)
    assert gateway.leases == 0
    assert gateway.asked == []


async def test_a_long_text_is_sent_without_being_kept():
    gateway, sent = ScriptedGateway(), 0
    gateway.let_all()
    gateway.samples = 1500
    text = "This sentence is said again and again. " * 400

    async def send(message):
        nonlocal sent
        sent += len(message.get("body", b""))

    speech = Pipeline(gateway, 100_000).speech(script(text))
    answer = SoundAnswer(speech, Formats(None), SoundOptions("pcm"))
    tracemalloc.start()
    try:
        await answer({}, None, send)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent > 40e6
    assert peak < 20e6

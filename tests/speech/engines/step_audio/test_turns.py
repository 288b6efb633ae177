import pytest

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.turns import Turns
from greenroom_speech.engines.tasks import CLONE, Order, TaskStep

SAID = "The words of the recording."
CODES = (1, 2, 1030, 1031, 1032)


def order(*steps, text=None, language=None):
    return Order(text, language, tuple(TaskStep(*step) for step in steps))


def turns(*steps, **more):
    return Turns(order(*steps, **more), SAID, CODES)


def asked_at_each_turn(made):
    """Let the model answer with codes that name turn and piece; return what it was asked."""
    seen = []
    numbers = range(len(made.pieces))
    while asked := {n: words for n in numbers if (words := made.asked(n)) is not None}:
        seen.append(asked)
        ends = [number for number in asked if made.is_last(number)]
        for number in asked:
            made.answered(number, (len(seen), number))
        assert ends == [number for number in asked if made.asked(number) is None]
    return seen


def test_a_clone_is_one_turn_in_the_voice_of_the_prompt():
    made = turns((CLONE, ""), text="Good day.")
    [first] = asked_at_each_turn(made)
    assert first[0].user == "Good day."
    assert SAID in first[0].system
    assert "<audio_1><audio_2><audio_1030>" in first[0].system
    assert made.pieces[0].codes == (1, 0)


def test_an_edit_gives_the_model_the_recording_and_its_words():
    [first] = asked_at_each_turn(turns(("emotion", "happy")))
    assert "more happy. The text corresponding to the audio is: The words" in first[0].user
    assert first[0].user.endswith("<audio_1032>\n")


def test_each_turn_goes_on_from_the_speech_of_the_last():
    made = turns((CLONE, ""), ("emotion", "sad"), ("style", "whisper"), text="Good day.")
    _, second, third = asked_at_each_turn(made)
    assert second[0].user.endswith("\n<audio_1><audio_0>\n")
    assert "more sad. The text corresponding to the audio is: Good day." in second[0].user
    assert third[0].user.endswith("\n<audio_2><audio_0>\n")
    assert made.pieces[0].codes == (3, 0)


def test_a_long_text_is_said_in_pieces_and_each_is_edited():
    sentence = "This is one of quite a few sentences which are all rather long to say aloud. "
    made = turns((CLONE, ""), ("speed", "faster"), text=sentence * 12)
    first, second = asked_at_each_turn(made)
    assert len(first) == len(second) == len(made.pieces) > 2
    assert " ".join(first[number].user for number in sorted(first)) == (sentence * 12).strip()
    assert [piece.codes for piece in made.pieces] == [(2, n) for n in range(len(first))]


def test_sounds_are_left_out_of_the_clone_and_added_after_it():
    text = "Good day. [Laughter] How are you?"
    made = turns((CLONE, ""), ("paralinguistic", ""), ("emotion", "happy"), text=text)
    first, second, third = asked_at_each_turn(made)
    assert first[0].user == "Good day. How are you?"
    assert "the new text is : Good day. [Laughter] How are you?\n" in second[0].user
    assert "to the audio is: Good day. How are you?" in second[0].user
    assert "to the audio is: Good day. [Laughter] How are you?" in third[0].user


def test_only_pieces_with_sounds_get_them():
    sentence = "This is one of quite a few sentences which are all rather long to say aloud. "
    made = turns((CLONE, ""), ("paralinguistic", ""), text=sentence * 12 + "[Sigh] Yes.")
    first, second = asked_at_each_turn(made)
    assert list(second) == [len(first) - 1]
    assert len(made.pieces) == len(first)


def test_sounds_can_be_added_to_the_recording():
    made = turns(("paralinguistic", ""), text="The words [Sigh] of the recording.")
    [first] = asked_at_each_turn(made)
    assert f"to the audio is: {SAID}" in first[0].user


def test_the_language_is_told_in_front_of_the_text():
    [first] = asked_at_each_turn(turns((CLONE, ""), text="你好", language="yue"))
    assert first[0].user == "[Cantonese]你好"


@pytest.mark.parametrize(
    ("steps", "text", "sentence"),
    [
        ([("emotion", "grumpy")], None, "'grumpy'; it must be one of happy"),
        ([("speed", "1.5")], None, "'1.5'; it must be one of faster"),
        ([("denoise", "much")], None, "'much'; it must be empty"),
        ([("emotion", "happy")], "New words.", "keeps the words; put 'clone' first"),
        ([("paralinguistic", "")], None, "TEXT is missing"),
        ([("paralinguistic", "")], "No sound.", "contains no sound"),
        ([(CLONE, ""), ("style", "operatic")], "Words.", "'operatic'"),
    ],
)
def test_what_the_model_can_not_do_is_refused_before_anything_runs(steps, text, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        turns(*steps, text=text)

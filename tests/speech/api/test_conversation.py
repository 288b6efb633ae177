"""Several speakers in one text become one sound."""

import numpy as np
import pytest
from scripted_gateway import RATE, ScriptedGateway

from greenroom.errors import InvalidInput
from greenroom.managed.stepped_engine import Piece
from greenroom_speech.api.conversation import TURN_PAUSE, conversation
from greenroom_speech.api.pipeline import Pipeline, Script
from greenroom_speech.api.reference import OwnVoice
from greenroom_speech.codec.recording import Recording
from greenroom_speech.reading.aloud import reading_of
from greenroom_speech.reading.speakers import Turn, turns

VOICES = {"clara", "henry"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello.", [Turn(None, "Hello.")]),
        ("[clara] Hello.", [Turn("clara", "Hello.")]),
        (
            "Once.\n[clara] Hello.\nAnd more.\n[henry]Good day.",
            [
                Turn(None, "Once.\n"),
                Turn("clara", "Hello.\nAnd more.\n"),
                Turn("henry", "Good day."),
            ],
        ),
        ("[nobody] Hello [clara] there.", [Turn(None, "[nobody] Hello [clara] there.")]),
        ("[clara]\n[henry] Yes.", [Turn("henry", "Yes.")]),
    ],
)
def test_lines_name_who_speaks(text, found):
    assert list(turns(text, VOICES.__contains__)) == found


class Stage(ScriptedGateway):
    """Each speaker has a level of its own."""

    async def stream(self, model, tensors):
        level = 0.9 if "VOICE" in tensors else float(tensors["AUDIO"][0])
        self.asked.append((model, level, tensors["TEXT"][0].decode(), int(tensors["SEED"][0])))
        yield Piece(
            {
                "WAVEFORM": np.full(RATE, level, np.float32),
                "WAVEFORM_RATE": np.array([RATE], np.int32),
            }
        )


async def test_speakers_take_turns_in_one_lease_with_a_pause_between():
    gateway = Stage()
    voices = [
        Recording(np.full(RATE, 0.1, np.float32), RATE),
        OwnVoice("of_the_engine"),
        Recording(np.full(RATE, 0.2, np.float32), RATE),
    ]
    scripts = [Script(voice, "words", {}, reading_of("Good day.", "en")) for voice in voices]
    async with conversation(Pipeline(gateway, 100), scripts) as speech:
        sound = np.concatenate([piece.samples async for piece in speech.pieces])
    models = [(model, round(level, 1)) for model, level, _, _ in gateway.asked]
    assert models == [("speech", 0.1), ("tts", 0.9), ("speech", 0.2)]
    assert gateway.most_leases == 1
    assert len({seed for *_, seed in gateway.asked}) == 1
    pause = round(TURN_PAUSE * RATE)
    assert len(sound) == 3 * RATE + 2 * pause
    assert not sound[RATE : RATE + pause].any()


async def heard_of(*texts):
    gateway = ScriptedGateway()
    gateway.let_all()
    voice = Recording(np.full(RATE, 0.1, np.float32), RATE)
    scripts = [Script(voice, "words", {}, reading_of(text, "en")) for text in texts]
    async with conversation(Pipeline(gateway, 60), scripts) as speech:
        return np.concatenate([piece.samples async for piece in speech.pieces])


async def test_a_turn_that_cannot_be_said_is_left_out():
    sound = await heard_of("Unspeakable.", "Yes.", "Unspeakable.", "No.")
    pause = round(TURN_PAUSE * RATE)
    assert np.flatnonzero(sound == 0).tolist() == list(range(4, 4 + pause))
    assert sound.size == len("Yes.") + pause + len("No.")
    with pytest.raises(InvalidInput, match="nothing in it can be spoken"):
        await heard_of("Unspeakable.", "Unspeakable.")

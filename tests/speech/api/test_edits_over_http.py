"""What is asked of the models to edit a recording: which words, which parts, one after another."""

from contextlib import asynccontextmanager, nullcontext

import numpy as np
import pytest
from scripted_gateway import RATE, ScriptedGateway

from greenroom.errors import InvalidInput
from greenroom.managed.stepped_engine import Piece
from greenroom_speech.api.edits import Editor
from greenroom_speech.api.listening import RecordingListener
from greenroom_speech.api.pipeline import Pipeline
from greenroom_speech.api.recording_requests import EditRequest
from greenroom_speech.engines.seeds import seed_used
from greenroom_speech.settings import EngineSettings

SETTINGS = EngineSettings(max_edit_seconds=90)


class Sound:
    """A file whose windows are half a minute of tone each, with a pause every 5 s."""

    rate = RATE

    def __init__(self, seconds):
        self.seconds = seconds

    async def windows(self):
        for begin in range(0, self.seconds, 30):
            window = np.full(min(30, self.seconds - begin) * RATE, 0.5, np.float32)
            for pause in range(4, 30, 5):
                window[pause * RATE : pause * RATE + RATE // 2] = 0
            yield window


class Files:
    """A decoder of files whose content is their length in seconds."""

    held = ScriptedGateway()

    @asynccontextmanager
    async def opened(self, content, field, longest):
        if int(content) > longest:
            raise InvalidInput(f"{field} lasts {int(content)} s, more than {longest:g} s.")
        yield Sound(int(content))


class Models(ScriptedGateway):
    """Its tts doubles each sound; its asr tells how long one is."""

    def __init__(self):
        super().__init__()
        self.edited, self.heard = [], 0

    def hold(self, size):
        return nullcontext()

    async def infer(self, model, tensors, outputs=()):
        self.heard += 1
        return {
            "TRANSCRIPT": np.array([b"words"], object),
            "AUDIO_LANGUAGE": np.array([b"en"], object),
        }

    async def stream(self, model, tensors):
        self.edited.append(tensors)
        words = tensors.get("TRANSCRIPT", np.array([b"heard by the ensemble"], object))
        yield Piece(
            {
                "WAVEFORM": np.minimum(tensors["AUDIO"] * 2, 1),
                "WAVEFORM_RATE": np.array([RATE], np.int32),
                "PROMPT_TRANSCRIPT": words,
                "SEED_USED": seed_used(int(tensors["SEED"][0])),
            }
        )


@pytest.fixture
def models():
    return Models()


async def edited(models, seconds, task, **more):
    """Return the whole sound and the speech that it was of."""
    files = Files()
    listener = RecordingListener(models, files, SETTINGS, 3600)
    editor = Editor(Pipeline(models, 3600), files, listener, SETTINGS, 3600)
    asked = EditRequest(file=str(seconds).encode(), task=task, **more)
    async with editor.edited(asked) as speech:
        pieces = [piece.samples async for piece in speech.pieces]
        return np.concatenate(pieces), speech


def told(tensors, name):
    return [word.decode() for word in tensors[name]]


@pytest.mark.parametrize("task", ["denoise", "vad"])
async def test_what_needs_no_words_is_not_heard(models, task):
    await edited(models, 5, task)
    (asked,) = models.edited
    assert told(asked, "TRANSCRIPT") == [""]
    assert models.heard == 0


async def test_other_edits_are_told_the_words_that_are_known(models):
    await edited(models, 5, "style", task_info="whisper", transcript="what it says")
    _, speech = await edited(models, 5, "style", task_info="whisper")
    known, unknown = models.edited
    assert told(known, "TRANSCRIPT") == ["what it says"]
    assert "TRANSCRIPT" not in unknown
    assert speech.transcript == "heard by the ensemble"


async def test_what_is_too_long_for_asr_is_heard_in_windows_and_edited_whole(models):
    whole, _ = await edited(models, 80, "emotion", task_info="happy")
    (asked,) = models.edited
    assert len(asked["AUDIO"]) == len(whole) == 80 * RATE
    assert told(asked, "TRANSCRIPT") == [" ".join(["words"] * models.heard)]
    assert models.heard >= 3
    with pytest.raises(InvalidInput, match="lasts 91 s, more than 90 s"):
        await edited(models, 91, "emotion", task_info="happy")


@pytest.mark.parametrize("task", ["denoise", "speed"])
async def test_a_longer_one_is_cut_at_pauses_and_joined_again(models, task):
    whole, speech = await edited(models, 200, task)
    lengths = [len(asked["AUDIO"]) / RATE for asked in models.edited]
    assert len(whole) == 200 * RATE
    assert len(lengths) > 6
    assert max(lengths) <= 30
    # Each was cut in a pause, so it begins and ends without a sound.
    assert all(not asked["AUDIO"][0] for asked in models.edited[1:4])
    words = {tuple(told(asked, "TRANSCRIPT")) for asked in models.edited if "TRANSCRIPT" in asked}
    assert words == ({("",)} if task == "denoise" else set())
    assert len({int(asked["SEED"][0]) for asked in models.edited}) == 1
    assert speech.seed == int(models.edited[0]["SEED"][0])


async def test_words_of_a_recording_in_parts_are_refused(models):
    with pytest.raises(InvalidInput, match="leave transcript out"):
        await edited(models, 100, "speed", task_info="faster", transcript="words")


@pytest.mark.parametrize(("chain", "walks"), [("codes", 1), ("afresh", 3)])
async def test_a_chain_goes_on_from_codes_or_from_the_sound(models, chain, walks):
    await edited(
        models, 5, "style", task_info="whisper", n_edits=3, chain=chain, transcript="known"
    )
    assert len(models.edited) == walks
    tasks = ["style"] * (3 if chain == "codes" else 1)
    assert all(told(asked, "TASK") == tasks for asked in models.edited)
    levels = [float(asked["AUDIO"].max()) for asked in models.edited]
    assert levels == [0.5, 1.0, 1.0][:walks]
    assert all(told(asked, "TRANSCRIPT") == ["known"] for asked in models.edited)


async def test_an_edit_with_new_words_is_gone_on_from_with_them(models):
    new = "Hello. [sigh] Good day."
    await edited(models, 5, "paralinguistic", n_edits=2, chain="afresh", text=new)
    first, second = models.edited
    assert "TRANSCRIPT" not in first
    assert told(second, "TRANSCRIPT") == told(second, "TEXT") == [new]

import os
import signal
import subprocess
import sys

import espeakng_loader
import numpy as np
import psutil
import pytest

from greenroom.errors import GreenroomError
from greenroom_speech.engines.embedded import espeak_worker, flite
from greenroom_speech.engines.embedded.base_voice import BaseVoice, Speaker
from greenroom_speech.engines.embedded.espeak import Espeak
from greenroom_speech.engines.embedded.speakable import LONGEST, pieces

needs_flite = pytest.mark.skipif(not flite.available(), reason="libflite1 is not installed")


@pytest.fixture
def espeak():
    one = Espeak()
    yield one
    one.close()


@pytest.mark.parametrize("voice", ["en-us", "cmn+f3"])
def test_espeak_says_the_same_text_with_the_same_samples(espeak, voice):
    first, rate = espeak.speak("one two three", voice)
    espeak.speak("something else", "ko")
    again, _ = espeak.speak("one two three", voice)
    assert rate == 22_050
    assert np.array_equal(first, again)


def test_espeak_speaks_slower_on_demand(espeak):
    plain, _ = espeak.speak("The children are playing in the garden.", "en-us")
    slow, _ = espeak.speak("The children are playing in the garden.", "en-us", 1.25)
    assert slow.size / plain.size == pytest.approx(1.25, abs=0.1)


def test_espeak_comes_back_after_it_was_killed(espeak):
    before, _ = espeak.speak("hello", "en-us")
    os.kill(espeak.pid, signal.SIGKILL)
    after, _ = espeak.speak("hello", "en-us")
    assert np.array_equal(before, after)


def test_espeak_ends_with_its_owner(espeak):
    espeak.speak("hello", "en-us")
    pid = espeak.pid
    espeak.close()
    assert not psutil.pid_exists(pid)
    assert espeak.pid is None


def test_the_worker_ends_when_its_pipe_does():
    paths = (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    command = [sys.executable, espeak_worker.__file__, *map(str, paths)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(b'{"voice": "en", "text": "hi", "words_per_minute": 165}\n')
        process.stdin.flush()
        assert b"bytes" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=10) == 0


def test_an_unknown_espeak_voice_is_named(espeak):
    with pytest.raises(GreenroomError, match="'xx'"):
        espeak.speak("hello", "xx")
    assert espeak.speak("hello", "en-us")[0].size


@needs_flite
def test_flite_says_the_same_text_with_the_same_samples():
    first = flite.speak("one two three", "slt")
    flite.speak("something else", "awb")
    assert np.array_equal(first, flite.speak("one two three", "slt"))


@needs_flite
def test_flite_stretches_and_forgets_it():
    plain = flite.speak("one two three", "rms")
    slow = flite.speak("one two three", "rms", 1.25)
    assert slow.size / plain.size == pytest.approx(1.25, abs=0.02)
    assert np.array_equal(plain, flite.speak("one two three", "rms"))


@needs_flite
@pytest.mark.parametrize("words", ["?!", "你好", "\0\x01", ""])
def test_flite_has_nothing_to_say_for_what_it_cannot_read(words):
    assert flite.speak(words, "slt").size == 0


def test_a_text_is_cut_into_sentences_and_long_ones_at_spaces():
    cut = pieces("One. Two! " + "word " * 100 + "你好。再见？")
    assert cut[:2] == ["One.", "Two!"]
    assert cut[-1] == "再见？"
    assert all(len(piece) <= LONGEST for piece in cut)
    assert "".join(cut).replace(" ", "").count("word") == 100


def test_a_speaker_leaves_out_the_silence_around_a_sentence():
    speaker = Speaker()
    try:
        (spoken,) = speaker.say("你好。", BaseVoice("espeak", "cmn"))
    finally:
        speaker.close()
    assert np.abs(spoken[:2400]).max() > 0.01
    assert np.abs(spoken[-2400:]).max() > 0.01

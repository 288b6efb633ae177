import numpy as np
import pytest
from engine_requests import audio, decibels, edit, mean_pitch, reference, text

from greenroom.errors import InvalidInput
from greenroom_speech.engines.embedded.loudness import active_rms
from greenroom_speech.engines.embedded.tokenizer import profile
from greenroom_speech.engines.embedded.voice_profile import SILENT, VOICED
from greenroom_speech.voices import voice
from greenroom_speech.word_errors import word_errors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return reference("henry")[:48_000]


@pytest.mark.parametrize(
    ("info", "ratio"),
    [("faster", 0.8), ("slower", 1.25), ("more faster", 1 / 1.5), ("more slower", 1 / 0.65)],
)
def test_speed_changes_the_duration_and_not_the_pitch(tts, speech, info, ratio):
    wave = edit(tts, speech, "speed", info)
    assert wave.size / speech.size == pytest.approx(ratio, rel=0.01)
    assert mean_pitch(wave) == pytest.approx(mean_pitch(speech), rel=0.04)


def test_speed_takes_a_factor(tts, speech):
    assert edit(tts, speech, "speed", "2").size / speech.size == pytest.approx(0.5, rel=0.01)


def test_an_edit_keeps_the_words(tts, asr):
    samples = reference("henry")
    heard = asr.hear(edit(tts, samples, "speed", "slower"), 24_000, timed=False).text
    wrong, said = word_errors(voice("henry").transcript, heard)
    assert wrong / said <= 0.2


@pytest.mark.parametrize(
    ("info", "pitch", "pace"), [("happy", 1.16, 1.06), ("sad", 0.92, 0.86), ("calm", 0.965, 0.93)]
)
def test_an_emotion_moves_pitch_and_pace(tts, speech, info, pitch, pace):
    wave = edit(tts, speech, "emotion", info)
    assert mean_pitch(wave) / mean_pitch(speech) == pytest.approx(pitch, rel=0.05)
    assert speech.size / wave.size == pytest.approx(pace, rel=0.02)


def test_liveliness_follows_the_emotion(tts, speech):
    spread = {
        info: profile(edit(tts, speech, "emotion", info), 24_000).log_f0_std
        for info in ("happy", "sad")
    }
    before = profile(speech, 24_000).log_f0_std
    assert spread["sad"] < 0.85 * before < before < spread["happy"]


def test_a_whisper_has_no_voice(tts):
    speech = reference("clara")
    wave = edit(tts, speech, "style", "whisper")
    voiced = np.mean(profile(wave, 24_000).kinds == VOICED)
    assert voiced < 0.1
    assert np.mean(profile(speech, 24_000).kinds == VOICED) > 0.5


def scaled_sdr(clean: np.ndarray, wave: np.ndarray) -> float:
    """Return the scale-invariant signal to distortion ratio in dB."""
    target = clean * (clean @ wave) / (clean @ clean)
    return decibels(np.linalg.norm(target) / np.linalg.norm(wave - target))


@pytest.mark.parametrize(("snr", "gain"), [(10, 3), (5, 4), (0, 4)])
def test_denoise_takes_steady_noise_away(tts, speech, snr, gain):
    clean = np.pad(speech, 12_000)
    noise = np.random.default_rng(3).normal(size=clean.size)
    noise = np.convolve(noise, [1, 0.9, 0.6, 0.3], "same")
    noise *= active_rms(clean) / np.sqrt(np.mean(noise**2)) * 10 ** (-snr / 20)
    wave = edit(tts, (clean + noise).astype(np.float32), "denoise")
    assert wave.size == clean.size
    assert scaled_sdr(clean, wave) - scaled_sdr(clean, clean + noise) > gain


def test_vad_takes_the_pauses_and_leaves_the_speech(tts, speech):
    pause = np.zeros(24_000, dtype=np.float32)
    wave = edit(tts, np.concatenate([pause, speech, pause, speech, pause]), "vad")
    assert 1.7 * speech.size < wave.size < 2.1 * speech.size
    assert np.mean(profile(wave, 24_000).kinds == SILENT) < 0.15


def test_steps_run_one_after_another(tts, speech):
    both = tts.answer(
        {**audio(speech), "TASK": text("speed", "speed"), "TASK_INFO": text("2", "0.5")}
    )["WAVEFORM"]
    assert both.size == pytest.approx(speech.size, rel=0.01)


def test_a_clone_can_be_edited_in_the_same_request(tts, prompt):
    given = {**prompt("henry"), "TEXT": text("Good morning to you all.")}
    plain = tts.answer(given)["WAVEFORM"]
    faster = tts.answer({**given, "TASK": text("clone", "speed"), "TASK_INFO": text("", "2")})
    assert faster["WAVEFORM"].size / plain.size == pytest.approx(0.5, rel=0.02)


def test_an_edit_keeps_the_level_and_does_not_clip(tts, speech):
    wave = edit(tts, speech * 2.5, "emotion", "angry")
    assert abs(decibels(active_rms(wave) / active_rms(speech * 2.5))) < 1
    assert np.abs(wave).max() < 1


@pytest.mark.parametrize(
    ("task", "info", "sentence"),
    [
        ("speed", "fast", "TASK_INFO of 'speed' is 'fast'; it must be one of more slower"),
        ("speed", "9", "TASK_INFO of 'speed' is '9'.*a factor from 0.5 to 2"),
        ("speed", "nan", "TASK_INFO of 'speed' is 'nan'"),
        ("emotion", "humour", "TASK_INFO of 'emotion' is 'humour'; with the embedded engine"),
        ("style", "gentle", "TASK_INFO of 'style' is 'gentle'; with the embedded engine"),
        ("paralinguistic", "", "TASK 'paralinguistic' is not possible with the embedded engine"),
    ],
)
def test_what_the_embedded_engine_cannot_do_is_said(tts, speech, task, info, sentence):
    with pytest.raises(InvalidInput, match="^" + sentence):
        edit(tts, speech, task, info)


def test_an_edit_needs_audio(tts):
    with pytest.raises(InvalidInput, match=r"^input AUDIO is missing; the task 'vad' edits AUDIO"):
        tts.answer({"TASK": text("vad")})


def test_text_without_a_clone_is_refused(tts, speech):
    request = {**audio(speech), "TASK": text("vad"), "TEXT": text("New words.")}
    with pytest.raises(InvalidInput, match=r"^TEXT is given but TASK begins with 'vad'"):
        tts.answer(request)

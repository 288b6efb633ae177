"""The words of recordings, against openai-whisper's own transcription of the same network."""

from copy import deepcopy

import numpy as np
import pytest
import torch
import whisper
from whisper.tokenizer import get_tokenizer
from whisper_recordings import NAMES, long_speech, noise, speech

from greenroom_speech.engines.whisper import windows
from greenroom_speech.engines.whisper.windows import (
    RecognisedText,
    Transcriber,
    WhisperOptions,
    Window,
)

pytestmark = pytest.mark.slow

PLAIN = {"condition_on_previous_text": False, "fp16": False, "temperature": 0.0}


def whispers_own(network, samples, **options):
    return whisper.transcribe(network, samples, **PLAIN, **options)


@pytest.mark.parametrize("name", [*NAMES, "noise"])
def test_a_short_recording_is_transcribed_as_whisper_does_it(network, name):
    samples = noise(3) if name == "noise" else speech(name)
    heard = Transcriber(network).listen(samples, None)
    own = whispers_own(network, samples, without_timestamps=True, language=heard.language)
    assert heard.text == own["text"].strip()
    assert len(heard.text.split()) == 12


def test_the_language_is_the_one_that_whisper_detects_in_the_window(network):
    for name in NAMES:
        mel = whisper.log_mel_spectrogram(speech(name), 128, padding=480_000)
        window = whisper.pad_or_trim(mel[:, : mel.shape[1] - 3000], 3000)
        _, probabilities = whisper.detect_language(network, window)
        heard = Transcriber(network).listen(speech(name), None)
        assert heard.language == max(probabilities, key=probabilities.get)


def test_recordings_differ(network):
    heard = {Transcriber(network).listen(speech(name), None) for name in NAMES}
    assert {one.language for one in heard} == {"zh", "en"}
    assert len(heard) == len(NAMES)


@pytest.mark.parametrize("seconds", [31, 70, 100])
def test_a_long_recording_is_transcribed_as_whisper_does_it(network, seconds):
    samples = long_speech(seconds)
    own = whispers_own(network, samples)
    assert len(own["segments"]) > 2
    assert Transcriber(network).listen(samples, None) == RecognisedText(
        own["text"].strip(), own["language"]
    )


def test_an_english_network_is_transcribed_as_whisper_does_it(english_network):
    for samples in (speech(NAMES[0]), long_speech(40)):
        short = len(samples) <= 480_000
        own = whispers_own(english_network, samples, without_timestamps=short)
        heard = Transcriber(english_network).listen(samples, None)
        assert heard == RecognisedText(own["text"].strip(), "en")


def test_a_given_language_is_not_detected(network, monkeypatch):
    monkeypatch.setattr(type(network), "detect_language", None)
    heard = Transcriber(network).listen(speech(NAMES[0]), "de")
    own = whispers_own(network, speech(NAMES[0]), without_timestamps=True, language="de")
    assert heard == RecognisedText(own["text"].strip(), "de")


@pytest.fixture
def counted(monkeypatch):
    """Count the windows that are encoded and the attempts at them."""
    calls = {"encoded": 0, "decoded": 0}

    def counting(owner, name, key):
        original = getattr(owner, name)

        def call(*arguments):
            calls[key] += 1
            return original(*arguments)

        monkeypatch.setattr(owner, name, call)

    counting(whisper.model.AudioEncoder, "forward", "encoded")
    counting(whisper.model.Whisper, "decode", "decoded")
    return calls


def test_a_window_is_encoded_once_for_its_language_and_all_attempts(network, counted):
    Transcriber(network).listen(speech(NAMES[0]), None)
    assert counted == {"encoded": 1, "decoded": 1}


@pytest.fixture(scope="module")
def babbling(network):
    """A network of noise: every text is as improbable as any other and never ends."""
    network = deepcopy(network)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for parameter in network.decoder.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_nonsense_ends_after_as_many_tokens_as_its_time_allows(babbling, counted):
    heard = Transcriber(babbling).listen(noise(1), "en")
    assert counted == {"encoded": 1, "decoded": len(windows.TEMPERATURES)}
    assert 0 < len(get_tokenizer(True).encode(heard.text)) < 120


def test_nonsense_is_the_same_every_time_and_leaves_the_random_numbers_alone(babbling):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        first = Transcriber(babbling).listen(noise(0.3), "en")
        drawn = torch.rand(3)
        assert Transcriber(babbling).listen(noise(0.3), "en") == first
        torch.manual_seed(3)
        assert torch.equal(torch.rand(3), drawn)


class _Scripted:
    """Answers each window with given tokens; counts them."""

    def __init__(self, transcriber, tokens, **measures):
        self.windows = []
        transcriber._decoded = self._decoded
        transcriber._encoded = lambda mel, seek: self.windows.append(seek)
        self._tokens, self._measures = tokens, measures

    def _decoded(self, features, language, bound, timestamps, prompt=None):
        return whisper.DecodingResult(None, language, tokens=self._tokens, **self._measures)


@pytest.mark.parametrize(
    ("pairs", "windows_begin"),
    [
        # Segments of 0.02 s, as nonsense has them: the window is taken whole.
        ([0.02], [0, 3000, 6000]),
        ([0.02, 9.98], [0, 3000, 6000]),
        ([10.0], [0, 1000, 2000, 3000, 4000, 5000, 6000]),
        ([1.0, 25.0], [0, 2500, 5000]),
    ],
)
def test_windows_move_on_by_10_s_at_least(network, pairs, windows_begin):
    begin = get_tokenizer(True, num_languages=100).timestamp_begin
    tokens = [begin]
    for seconds in pairs:
        tokens += [11, *[begin + round(seconds / 0.02)] * 2]
    transcriber = Transcriber(network)
    scripted = _Scripted(transcriber, [*tokens, 12])
    transcriber.listen(noise(70), "en")
    assert scripted.windows == windows_begin


def test_a_segment_that_is_cut_by_the_window_is_heard_again(network):
    begin = get_tokenizer(True, num_languages=100).timestamp_begin
    transcriber = Transcriber(network)
    _Scripted(transcriber, [begin, 11, begin + 1000, begin + 1000, 12])
    assert transcriber.listen(noise(40), "en").text == get_tokenizer(True).decode([11, 11])


def test_more_words_than_one_window_holds_are_heard_in_several(network, monkeypatch):
    transcriber = Transcriber(network)
    monkeypatch.setattr(transcriber, "_in_windows", lambda *arguments: [Window(None, 0, 1, [11])])
    _Scripted(transcriber, [12] * 224, compression_ratio=2.0)
    assert transcriber.listen(noise(30), "en").text == get_tokenizer(True).decode([11])
    _Scripted(transcriber, [12] * 224, compression_ratio=20.0)
    assert len(transcriber.listen(noise(30), "en").text) == 224
    _Scripted(transcriber, [12] * 223, compression_ratio=2.0)
    assert len(transcriber.listen(noise(30), "en").text) == 223


@pytest.mark.parametrize(
    ("measures", "attempts"),
    [
        ({"avg_logprob": -0.5, "compression_ratio": 1.0, "no_speech_prob": 0.0}, 1),
        ({"avg_logprob": -1.5, "compression_ratio": 1.0, "no_speech_prob": 0.0}, 3),
        ({"avg_logprob": -0.5, "compression_ratio": 3.0, "no_speech_prob": 0.0}, 3),
        ({"avg_logprob": -0.5, "compression_ratio": 1.0, "no_speech_prob": 0.9}, 1),
    ],
)
def test_a_bad_attempt_is_followed_by_a_warmer_one(network, monkeypatch, measures, attempts):
    temperatures = []

    def decode(model, features, options):
        temperatures.append(options.temperature)
        return whisper.DecodingResult(None, "en", tokens=[11], **measures)

    monkeypatch.setattr(type(network), "decode", decode)
    heard = Transcriber(network).listen(noise(1), "en")
    assert temperatures == list(windows.TEMPERATURES[:attempts])
    assert heard.text


def test_words_before_are_the_prompt_of_cool_attempts(network, monkeypatch):
    prompts = []

    def decode(model, features, options):
        prompts.append(options.prompt)
        return whisper.DecodingResult(
            None, "en", tokens=[11], avg_logprob=-1.5, compression_ratio=1.0, no_speech_prob=0.0
        )

    monkeypatch.setattr(type(network), "decode", decode)
    Transcriber(network).listen(noise(1), "en", "said before <|endoftext|>")
    encoding = Transcriber(network)._tokenizer(WhisperOptions("en")).encoding
    before = encoding.encode(" said before <|endoftext|>", disallowed_special=())
    assert prompts == [before, before, None]
    Transcriber(network).listen(noise(1), "en")
    assert prompts[3] is None


@pytest.mark.parametrize(("language", "told"), [(None, ""), ("de", "de")])
def test_where_nobody_speaks_there_are_no_words(network, monkeypatch, language, told):
    measures = {"avg_logprob": -1.5, "compression_ratio": 1.0, "no_speech_prob": 0.9}

    def decode(model, features, options):
        return whisper.DecodingResult(None, "en", tokens=[11], **measures)

    monkeypatch.setattr(type(network), "decode", decode)
    for seconds in (1, 70):
        assert Transcriber(network).listen(noise(seconds), language) == RecognisedText("", told)


def test_a_short_text_is_bounded_by_the_length_of_the_recording(network, monkeypatch):
    bounds = []

    def decode(model, features, options):
        bounds.append(options.sample_len)
        return whisper.DecodingResult(
            None, "en", tokens=[11], avg_logprob=0.0, compression_ratio=1.0, no_speech_prob=0.0
        )

    monkeypatch.setattr(type(network), "decode", decode)
    for seconds in (1, 5, 30, 31):
        Transcriber(network).listen(np.zeros(seconds * 16_000, np.float32), "en")
    assert bounds == [54, 174, 224, None, None]

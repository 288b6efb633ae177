"""What a user of the vocoder relies on, with the fixtures' small weights."""

from itertools import pairwise

import pytest
import torch
from parity_fixtures import parity_io
from tiny_vocoder import chunks, flow, flow_sizes, flow_voice, hift, hift_sizes

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work, finished
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.speech_stream import SpeechStream
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder

IO = parity_io("token2wav")
CODES = IO["gen_mixed"].tolist()
PAIR_SAMPLES = 2 * hift_sizes().frame_samples


@pytest.fixture
def vocoder() -> Vocoder:
    vocoder = Vocoder(VocoderSizes(flow=flow_sizes(), hift=hift_sizes()))
    vocoder.flow.load_state_dict(flow().state_dict(), assign=True)
    vocoder.hift.load_state_dict(hift().state_dict(), assign=True)
    return vocoder


@pytest.fixture
def voice(vocoder: Vocoder) -> VoicePrompt:
    codes = IO["prompt_mixed"].tolist()
    return vocoder.voice(codes, IO["prompt_feat_raw"][0], IO["speaker_embedding"][0])


def stream_of(vocoder: Vocoder, voice: VoicePrompt) -> SpeechStream:
    states = torch.full(vocoder.memory_shape(len(voice.pairs)), float("nan"))
    return vocoder.stream(vocoder.flow_stream(voice, states), seed=7)


def test_a_prompt_is_what_the_flow_takes(voice: VoicePrompt) -> None:
    assert torch.equal(voice.pairs, flow_voice(IO).pairs)


def test_the_same_seed_gives_the_same_wave(vocoder: Vocoder, voice: VoicePrompt) -> None:
    wave = vocoder.speech(CODES, voice, seed=7)
    assert len(wave) == len(CODES) // 5 * 3 * PAIR_SAMPLES
    assert torch.equal(wave, vocoder.speech(CODES, voice, seed=7))
    assert not torch.equal(wave, vocoder.speech(CODES, voice, seed=8))


def test_a_stream_is_as_long_as_the_whole_and_repeats(vocoder: Vocoder, voice: VoicePrompt) -> None:
    waves = [
        torch.cat(list(chunks(stream_of(vocoder, voice), IO["stream_mixed"].tolist(), last=True)))
        for _ in range(2)
    ]
    assert len(waves[0]) == len(IO["stream_mixed"]) // 5 * 3 * PAIR_SAMPLES
    assert torch.equal(*waves)


@pytest.mark.parametrize("codes", [1, 4, 5, 6, 29, 30, 31])
def test_a_stream_ends_wherever_the_codes_end(
    codes: int, vocoder: Vocoder, voice: VoicePrompt
) -> None:
    stream = stream_of(vocoder, voice)
    waves = [wave for code in CODES[: codes - 1] for wave in chunks(stream, [code])]
    waves += chunks(stream, CODES[codes - 1 : codes], last=True)
    assert sum(map(len, waves)) == -(-codes // 5) * 3 * PAIR_SAMPLES


def test_an_end_at_a_full_chunk_is_one_last_chunk(vocoder: Vocoder, voice: VoicePrompt) -> None:
    # 25 codes of the first chunk and 5 of the lookahead.
    at_once = list(chunks(stream_of(vocoder, voice), CODES[:30], last=True))
    stream = stream_of(vocoder, voice)
    one_by_one = [w for n in range(30) for w in chunks(stream, CODES[n : n + 1], last=n == 29)]
    assert [len(wave) for wave in at_once] == [18 * PAIR_SAMPLES]
    assert len(one_by_one) == 1
    assert torch.equal(one_by_one[0], at_once[0])


def test_an_end_without_a_code_after_it(vocoder: Vocoder, voice: VoicePrompt) -> None:
    stream = stream_of(vocoder, voice)
    waves = [*chunks(stream, CODES[:30]), *chunks(stream, [], last=True)]
    assert sum(map(len, waves)) == 18 * PAIR_SAMPLES
    assert list(chunks(stream_of(vocoder, voice), [], last=True)) == []


def test_what_a_stream_remembers_stays_bounded(vocoder: Vocoder, voice: VoicePrompt) -> None:
    frames = []
    stream = stream_of(vocoder, voice)
    for wave in chunks(stream, CODES * 10):
        frames.append(stream._flow.decoder_memory.frames)
        assert wave.isfinite().all()
    assert frames[0] < frames[-1] == len(voice.pairs) * 2 + 96
    assert all(before <= after for before, after in pairwise(frames))


def beside(one: Work, other: Work) -> Work:
    """The work of one, with a piece of the other's after each of its own."""
    while True:
        try:
            next(one)
        except StopIteration as end:
            return end.value
        next(other, None)
        yield


def test_work_on_others_between_the_pieces_changes_nothing(
    vocoder: Vocoder, voice: VoicePrompt
) -> None:
    with torch.inference_mode():
        one, other = (vocoder.utterance(codes, voice, seed=7) for codes in (CODES, CODES[:25]))
        assert torch.equal(finished(beside(one, other)), vocoder.speech(CODES, voice, seed=7))
        pieces = sum(1 for _ in vocoder.utterance(CODES, voice, seed=7))
    # The encoder, the Euler steps, and HiFT after the last pause.
    assert pieces == 1 + vocoder.flow.sizes.n_timesteps


def test_a_second_utterance_begins_after_the_set_up_of_the_first(
    vocoder: Vocoder, voice: VoicePrompt
) -> None:
    states = torch.full(vocoder.memory_shape(len(voice.pairs)), float("nan"))
    flow = vocoder.flow_stream(voice, states)

    def said(codes: list[int]) -> torch.Tensor:
        return torch.cat(list(chunks(vocoder.stream(flow, 7, shared=True), codes, last=True)))

    first = said(CODES)
    flow.rewind()
    said(CODES[40:] + CODES[:40])
    flow.rewind()
    assert torch.equal(said(CODES), first)


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ([-1], "Audio code 0 is -1; at this place it must be from 0 to 1023"),
        ([0, 0, 5120], "Audio code 2 is 5120; at this place it must be from 1024 to 5119"),
        # A stray code of the second codebook in front, as the released weights say it at times.
        ([1024, 0, 0, 1024, 1024], "Audio code 0 is 1024; at this place it must be from 0 to"),
        ([0, 0, 1024, 7, 1024], "Audio code 3 is 7; at this place it must be from 1024 to"),
    ],
)
def test_codes_out_of_order_are_no_sound(
    codes: list[int], sentence: str, vocoder: Vocoder, voice: VoicePrompt
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        vocoder.speech(codes, voice, seed=0)


def test_noise_does_not_depend_on_who_asked_before() -> None:
    one, other = Noise(3, seed=1), Noise(3, seed=1)
    one.frames(0, 7)
    assert torch.equal(one.frames(4, 1200), other.frames(0, 2000)[4:1204])

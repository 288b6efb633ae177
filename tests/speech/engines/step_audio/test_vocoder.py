"""What a user of the vocoder relies on, with the fixtures' small weights."""

from itertools import pairwise

import pytest
import torch
from parity_fixtures import parity_io
from tiny_vocoder import flow, flow_sizes, flow_voice, hift, hift_sizes

from greenroom.errors import InvalidInput
from greenroom_speech.engines.step_audio.vocoder.flow import VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
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


def test_a_prompt_is_what_the_flow_takes(voice: VoicePrompt) -> None:
    assert torch.equal(voice.pairs, flow_voice(IO).pairs)


def test_the_same_seed_gives_the_same_wave(vocoder: Vocoder, voice: VoicePrompt) -> None:
    wave = vocoder.speech(CODES, voice, seed=7)
    assert len(wave) == len(CODES) // 5 * 3 * PAIR_SAMPLES
    assert torch.equal(wave, vocoder.speech(CODES, voice, seed=7))
    assert not torch.equal(wave, vocoder.speech(CODES, voice, seed=8))


def test_a_stream_is_as_long_as_the_whole_and_repeats(vocoder: Vocoder, voice: VoicePrompt) -> None:
    waves = [
        torch.cat(list(vocoder.stream(voice, seed=7).push(IO["stream_mixed"].tolist(), last=True)))
        for _ in range(2)
    ]
    assert len(waves[0]) == len(IO["stream_mixed"]) // 5 * 3 * PAIR_SAMPLES
    assert torch.equal(*waves)


@pytest.mark.parametrize("codes", [1, 4, 5, 6, 29, 30, 31])
def test_a_stream_ends_wherever_the_codes_end(
    codes: int, vocoder: Vocoder, voice: VoicePrompt
) -> None:
    stream = vocoder.stream(voice, seed=7)
    waves = [wave for code in CODES[: codes - 1] for wave in stream.push([code])]
    waves += stream.push(CODES[codes - 1 : codes], last=True)
    assert sum(map(len, waves)) == -(-codes // 5) * 3 * PAIR_SAMPLES


def test_an_end_at_a_full_chunk_is_one_last_chunk(vocoder: Vocoder, voice: VoicePrompt) -> None:
    # 25 codes of the first chunk and 5 of the lookahead.
    at_once = list(vocoder.stream(voice, seed=7).push(CODES[:30], last=True))
    stream = vocoder.stream(voice, seed=7)
    one_by_one = [w for n in range(30) for w in stream.push(CODES[n : n + 1], last=n == 29)]
    assert [len(wave) for wave in at_once] == [18 * PAIR_SAMPLES]
    assert len(one_by_one) == 1
    assert torch.equal(one_by_one[0], at_once[0])


def test_an_end_without_a_code_after_it(vocoder: Vocoder, voice: VoicePrompt) -> None:
    stream = vocoder.stream(voice, seed=7)
    waves = [*stream.push(CODES[:30]), *stream.push([], last=True)]
    assert sum(map(len, waves)) == 18 * PAIR_SAMPLES
    assert list(vocoder.stream(voice, seed=7).push([], last=True)) == []


def test_what_a_stream_remembers_stays_bounded(vocoder: Vocoder, voice: VoicePrompt) -> None:
    frames = []
    for wave in (stream := vocoder.stream(voice, seed=7)).push(CODES * 10):
        assert stream._mel is not None
        frames.append(stream._mel.decoder_memory.frames)
        assert wave.isfinite().all()
    assert frames[0] < frames[-1] == len(voice.pairs) * 2 + 96
    assert all(before <= after for before, after in pairwise(frames))


@pytest.mark.parametrize("code", [-1, 5120])
def test_a_code_that_is_none(code: int, vocoder: Vocoder, voice: VoicePrompt) -> None:
    with pytest.raises(InvalidInput, match=f"An audio code is {code}; it must be from 0 to 5119"):
        vocoder.speech([code], voice, seed=0)


def test_noise_does_not_depend_on_who_asked_before() -> None:
    one, other = Noise(3, seed=1), Noise(3, seed=1)
    one.frames(0, 7)
    assert torch.equal(one.frames(4, 1200), other.frames(0, 2000)[4:1204])

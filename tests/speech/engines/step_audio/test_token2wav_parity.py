"""Flow and HiFT together give the numbers of the parity fixtures, whole and as a stream."""

from typing import Any

import pytest
import torch
from parity_fixtures import parity_io, parity_json
from tiny_vocoder import chunks, distance, flow, flow_voice, hift

from greenroom_speech.engines.step_audio.vocoder.flow_stream import FlowStream
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.pieces_of_work import Work, finished
from greenroom_speech.engines.step_audio.vocoder.speech_stream import Chunking, SpeechStream
from greenroom_speech.engines.step_audio.vocoder.token_pairs import token_pairs

IO = parity_io("token2wav")
CASE = parity_json("token2wav")
CALLS = CASE["calls"][1:]
CHUNKING = Chunking(tuple(CASE["chunk_size_list"]), CASE["mel_cache_len"])


@pytest.fixture(autouse=True)
def _no_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    source = hift().m_source
    drawn = source.draw
    monkeypatch.setattr(source, "draw", lambda *arguments: drawn(*arguments).zero_())


def noise() -> Noise:
    return Noise.given(IO["rand_noise"][0].T)


def flow_stream() -> FlowStream:
    model, kept = flow(n_timesteps=CASE["n_timesteps"]), 2 * CHUNKING.pairs[-1]
    pairs = len(flow_voice(IO).pairs) + CHUNKING.pairs[-1]
    states = torch.full(model.sizes.memory_shape(pairs), float("nan"))
    return FlowStream(model, flow_voice(IO), noise(), states, kept)


def stream() -> SpeechStream:
    return SpeechStream(flow_stream(), hift(), torch.Generator(), CHUNKING)


@pytest.mark.parametrize(
    ("left_out", "name"), [(0, "nonstream_wav"), (2, "nonstream_wav_truncated_tokens")]
)
def test_a_whole_utterance(left_out: int, name: str) -> None:
    codes = IO["gen_mixed"].tolist()
    pairs = token_pairs(codes[: len(codes) - left_out])
    mel = flow(n_timesteps=CASE["n_timesteps"])(pairs, flow_voice(IO), noise()).T
    source = hift().source(mel, hift().m_source.draw(mel.shape[1], torch.Generator()))
    assert distance(hift()(mel, source), IO[name][0]) < 3e-3


def test_a_stream_gives_each_chunk_when_its_codes_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mels: list[torch.Tensor] = []
    caches: list[tuple[int, int]] = []
    run = FlowStream.chunk

    def watched(self: FlowStream, *arguments: Any, **named: Any) -> Work:
        encoder = next(reversed(self.encoder_memory.layers.values()))
        caches.append((self.decoder_memory.frames, encoder.frames))
        mels.append((yield from run(self, *arguments, **named)))
        return mels[-1]

    monkeypatch.setattr(FlowStream, "chunk", watched)
    codes = IO["stream_mixed"].tolist()
    speech = stream()
    waves = [
        (count, wave)
        for count, code in enumerate(codes, start=1)
        for wave in chunks(speech, [code], last=count == len(codes))
    ]
    assert [count for count, _ in waves] == [call["emitted_after_tokens"] for call in CALLS]
    assert [len(wave) for _, wave in waves] == [call["samples"] for call in CALLS]
    expected = [(call["att_cache_in"], call["conformer_att_cache_in"]) for call in CALLS]
    assert caches == expected
    for number, ((_, wave), mel) in enumerate(zip(waves, mels, strict=True)):
        assert distance(mel.T, IO[f"stream_mel_{number}"][0]) < 5e-4
        assert distance(wave, IO[f"stream_wav_{number}"][0]) < 3e-3


def test_how_codes_are_pushed_makes_no_difference() -> None:
    codes = IO["stream_mixed"].tolist()
    at_once = list(chunks(stream(), codes, last=True))
    speech, in_two = stream(), []
    in_two += chunks(speech, codes[:71])
    in_two += chunks(speech, codes[71:], last=True)
    assert len(at_once) == len(CALLS)
    for one, other in zip(at_once, in_two, strict=True):
        assert torch.equal(one, other)


def test_what_a_stream_remembers_of_the_prompt() -> None:
    codes = IO["stream_mixed"].tolist()[: CASE["calls"][0]["cache_ready_after_tokens"]]
    made = flow_stream()
    finished(made.set_up(token_pairs(codes)))
    encoder, decoder = made.encoder_memory, made.decoder_memory
    convolutions = torch.cat([encoder.lookahead, encoder.up]).T
    assert distance(convolutions, IO["setup_conformer_cnn_cache"][0]) < 1e-4
    expected = IO["setup_conformer_att_cache"][:, 0]
    for layer, kept in zip(encoder.layers.values(), expected, strict=True):
        joined = torch.cat([layer.keys, layer.values], dim=2)
        # The released service keeps the 25 Hz layers twice over, to match the others' length.
        twice = joined.repeat(1, kept.shape[1] // joined.shape[1], 1)
        assert distance(twice, kept) < 1e-4
    for step in (0, len(decoder.steps) - 1):
        windows = [block.attention for block in decoder.steps[step]]
        seen = [window.states[..., : window.frames, :] for window in windows]
        attention = [torch.cat(list(keys_and_values), dim=3) for keys_and_values in seen]
        expected = IO[f"setup_estimator_att_cache_step{step}"]
        for block, kept in zip(attention, expected, strict=True):
            assert distance(block, kept) < 5e-4
    for block, kept in zip(decoder.steps[0], IO["setup_estimator_cnn_cache_step0"], strict=True):
        joined = torch.cat(list(block.convolutions.values()), dim=2).transpose(1, 2)
        assert distance(joined, kept) < 5e-4

"""The flow gives the numbers of the parity fixtures, stage by stage."""

import pytest
import torch
from parity_fixtures import parity_io, parity_json
from tiny_vocoder import distance, flow, flow_voice
from torch import Tensor

from greenroom_speech.engines.step_audio.vocoder.conformer import ConformerEncoder
from greenroom_speech.engines.step_audio.vocoder.flow_matching import cosine_times
from greenroom_speech.engines.step_audio.vocoder.noise import Noise
from greenroom_speech.engines.step_audio.vocoder.relative_attention import relative_positions
from greenroom_speech.engines.step_audio.vocoder.token_pairs import token_pairs

IO = parity_io("flow")
DIT = parity_io("dit")


@pytest.mark.parametrize("case", parity_json("token_reshape")["reshape_mixed_to_dual"].values())
def test_codes_become_pairs(case: dict[str, list[int]]) -> None:
    assert token_pairs(case["inp"]).tolist() == case["out"]


def test_the_fixtures_codes_become_its_pairs() -> None:
    for name in ("prompt", "gen"):
        pairs = token_pairs(IO[f"{name}_mixed"].tolist())
        assert torch.equal(pairs, IO[f"{name}_token"][0])


def test_the_prompts_mel_is_stretched_to_its_pairs() -> None:
    assert distance(flow().prompt_mel(flow_voice(IO)), IO["prompt_feat_aligned"][0]) == 0


def test_the_speaker() -> None:
    assert distance(flow().speaker(flow_voice(IO)), IO["spk_proj"][0]) < 1e-4


def stages(encoder: ConformerEncoder, embedded: Tensor) -> dict[str, Tensor]:
    """Return what goes through the encoder's stages."""
    seen: dict[str, Tensor] = {}

    def watch(module: torch.nn.Module, name: str) -> None:
        module.register_forward_hook(lambda _m, _i, output: seen.update({name: output}))

    watch(encoder.embed, "enc_embed_out")
    watch(encoder.pre_lookahead_layer, "enc_prelookahead_out")
    watch(encoder.encoders[0], "enc_layer0_out")
    watch(encoder.up_layer["conv"], "enc_up_out")
    seen["encoder_out"] = encoder(embedded)
    return seen


@pytest.mark.parametrize(
    "name",
    ["enc_embed_out", "enc_prelookahead_out", "enc_layer0_out", "enc_up_out", "encoder_out"],
)
def test_a_stage_of_the_encoder(name: str) -> None:
    model = flow()
    pairs = torch.cat([IO["prompt_token"][0], IO["gen_token"][0]])
    seen = stages(model.encoder, model.embedded(pairs))[name]
    assert distance(seen.reshape(IO[name][0].shape), IO[name][0]) < 1e-4


def test_positions_and_mu() -> None:
    model = flow()
    expected = IO["enc_pos_emb"][0]
    pairs = (len(expected) + 1) // 2
    positions = relative_positions(pairs, pairs, expected.shape[1], expected)
    assert distance(positions, expected) < 1e-4
    assert distance(model.encoder_proj(IO["encoder_out"][0]), IO["mu"][0]) < 1e-4


def test_times() -> None:
    assert distance(torch.tensor(cosine_times(10)), IO["t_span_10"]) < 1e-6


@pytest.mark.parametrize("steps", [3, 10])
def test_mel_of_a_whole_utterance(steps: int) -> None:
    model = flow(n_timesteps=steps)
    noise = Noise.given(IO["rand_noise"][0].T)
    mel = model(IO["gen_token"][0], flow_voice(IO), noise)
    assert distance(mel.T, IO[f"mel_{steps}steps"][0]) < 2e-4


@pytest.mark.parametrize("case", ["", "_tail5"])
def test_the_estimator(case: str) -> None:
    estimator = flow().decoder.estimator
    mask = DIT[f"mask{case}"][:, 0] > 0
    expected = DIT["out" if not case else f"out_mask{case}"]
    for row, modulation in enumerate(estimator.modulations(DIT["t"])):
        at = slice(row, row + 1)
        x, mu, cond = (DIT[name][at].transpose(1, 2) for name in ("x", "mu", "cond"))
        condition = estimator.condition(mu, DIT["spks"][at], cond)
        velocity = estimator(x, condition, modulation, mask[at])
        assert distance(velocity.transpose(1, 2), expected[at]) < 1e-4


def test_the_estimators_time_and_first_block() -> None:
    estimator = flow().decoder.estimator
    assert distance(estimator.embedded(DIT["t"]), DIT["t_emb"]) < 1e-4
    modulation = estimator.modulations(DIT["t"])[0].blocks[0]
    assert (DIT["t"] == DIT["t"][0]).all()
    out = estimator.blocks[0](DIT["block0_in"].clone(), modulation, None, None)
    assert distance(out, DIT["block0_out"]) < 1e-4

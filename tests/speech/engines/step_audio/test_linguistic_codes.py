"""The linguistic codes against the parity fixture and against FunASR's own streaming loop."""

import pytest
import torch
from parity_fixtures import FOLDER, parity_io, parity_json, parity_weights

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.prompt_analysis.interleave import interleaved
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_encoder import LinguisticEncoder
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_front_end import (
    INPUTS,
    Normalisation,
    feature_frames,
    linguistic_features,
)

CASES = [case for case in parity_json("vq02")["cases"] if case != "two_pushes"]


@pytest.fixture(scope="module")
def numbers():
    return parity_io("vq02")


@pytest.fixture(scope="module")
def normalisation():
    return Normalisation.read(FOLDER / "vq02.am.mvn")


@pytest.fixture(scope="module")
def network(numbers):
    made = LinguisticEncoder(parity_json("vq02")["encoder"])
    made.load_state_dict(parity_weights("vq02") | {"centres": numbers["kmeans"]}, strict=True)
    return made


def test_the_front_end(numbers, normalisation):
    assert torch.allclose(
        torch.stack((normalisation.shift, normalisation.scale)), numbers["cmvn"], atol=1e-5
    )
    found = linguistic_features(numbers["wav_a"], normalisation, dither=0)
    assert found.shape == numbers["chunk_feats_a"][0].shape
    assert float((found - numbers["chunk_feats_a"][0]).abs().max()) <= 1e-3


def test_digital_silence_is_noise_of_one_step_of_a_sample(normalisation):
    """As in training: without dither its log energies are -15.9, far from all that was seen."""
    plain = Normalisation(torch.zeros(INPUTS), torch.ones(INPUTS))
    silence = torch.zeros(16_000)
    found = linguistic_features(silence, plain)
    assert 3.5 < float(found.mean()) < 5.5
    assert torch.equal(found, linguistic_features(silence, plain))
    assert float(linguistic_features(silence, plain, dither=0).max()) < -15
    loud = 0.3 * torch.sin(torch.arange(16_000) * 0.1)
    change = linguistic_features(loud, plain) - linguistic_features(loud, plain, dither=0)
    assert float(change[:, :20].abs().max()) < 0.1


@pytest.mark.parametrize("case", CASES)
def test_encoder_and_codes(case, numbers, normalisation, network):
    features = linguistic_features(numbers[f"wav_{case}"], normalisation, dither=0)
    assert len(features) == parity_json("vq02")["cases"][case]["frames"]
    encoded = network.encode(features)[None]
    assert encoded.shape == numbers[f"enc_{case}"].shape
    assert float((encoded - numbers[f"enc_{case}"]).abs().max()) <= 3e-4
    assert torch.equal(network(features), numbers[f"ids_{case}"])


def test_how_the_wave_was_pushed_does_not_matter(numbers, normalisation, network):
    encoded = network.encode(linguistic_features(numbers["wav_a"], normalisation, dither=0))[None]
    assert float((encoded - numbers["enc_a_two_pushes"]).abs().max()) <= 3e-4


@pytest.mark.parametrize("frames", [1, 3, 4, 5, 8, 21, 40, 63])
def test_all_steps_at_once_equal_one_after_another(frames, network):
    features = torch.randn(frames, INPUTS, generator=torch.Generator().manual_seed(frames))
    cache = {
        "start_idx": 0,
        "chunk_size": [0, 4, 5],
        "encoder_chunk_look_back": 4,
        "opt": None,
        "feats": torch.zeros(1, 5, INPUTS),
        "tail_chunk": False,
    }
    rows = []
    with torch.inference_mode():
        for new in features.split(4):
            out = network.encoder.forward_chunk(new[None].clone(), None, cache=cache)[0]
            rows.append(out[0, -len(new) :])
    assert float((network.encode(features) - torch.cat(rows)).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("samples", "frames"),
    # Less than a frame, too little for a stack, the first stack, a step, a step and little more.
    [(0, 0), (399, 0), (879, 0), (880, 1), (3840, 4), (3919, 4), (4559, 4), (4880, 5), (7680, 8)],
)
def test_the_last_step_drops_what_is_too_little(samples, frames, normalisation):
    assert feature_frames(samples) == frames
    assert linguistic_features(torch.zeros(samples), normalisation).shape == (frames, INPUTS)


def test_a_config_for_another_encoder_is_refused():
    settings = parity_json("vq02")["encoder"]
    with pytest.raises(SetupError, match=r"normalize_before .* is False; this engine needs True"):
        LinguisticEncoder(settings | {"normalize_before": False})
    with pytest.raises(SetupError, match="'heads'"):
        LinguisticEncoder(settings | {"heads": 3})


@pytest.mark.parametrize("text", ["<AddShift> 2 2\n [ 1 2 ]", "<AddShift> [ 1 x ]", ""])
def test_a_normalisation_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "am.mvn").write_text(text)
    with pytest.raises(SetupError, match=r"<AddShift> of 560 numbers"):
        Normalisation.read(tmp_path / "am.mvn")


@pytest.mark.parametrize("case", parity_json("interleave")["cases"])
def test_interleaving(case):
    found = interleaved(torch.tensor(case["vq02"]).long(), torch.tensor(case["vq06"]).long())
    assert found.dtype == torch.int32
    assert found.tolist() == case["interleaved_ids"]
    spelled = "".join(f"<audio_{number - 65_536}>" for number in found.tolist())
    assert spelled == case["token_str"]

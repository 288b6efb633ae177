"""``cosyvoice.yaml`` is data: sizes are read, tags are not followed."""

from pathlib import Path

import pytest

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.vocoder_yaml import vocoder_sizes

FILE = """
flow: !new:stepvocoder.cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
  input_size: 96
  output_size: 80
  vocab_size: 5121
  encoder: !new:stepvocoder.cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
    input_size: 96
    output_size: 64
    num_blocks: 2
    pos_enc_layer_type: 'rel_pos_espnet'
  decoder: !new:stepvocoder.cosyvoice2.flow.flow_matching.CausalConditionalCFM
    in_channels: 240
    inference_cfg_rate: 0.5
    estimator: !new:stepvocoder.cosyvoice2.flow.decoder_dit.DiT
      hidden_size: 48
      depth: 3
hift: !new:stepvocoder.cosyvoice2.hifigan.generator.HiFTGenerator
  base_channels: 32
  upsample_rates: [8, 5, 3]
  istft_params:
    n_fft: 16
    hop_len: 4
  f0_predictor: !new:stepvocoder.cosyvoice2.hifigan.f0_predictor.ConvRNNF0Predictor
    num_class: 1
    in_channels: 80
    cond_channels: 24
mel_conf: {n_fft: 1920}
"""


def written(folder: Path, content: str) -> Path:
    path = folder / "cosyvoice.yaml"
    path.write_text(content)
    return path


def test_sizes_come_from_the_file_and_the_rest_is_as_released(tmp_path: Path) -> None:
    sizes = vocoder_sizes(written(tmp_path, FILE))
    assert (sizes.flow.input_size, sizes.flow.encoder.input_size) == (96, 96)
    assert (sizes.flow.output_size, sizes.flow.encoder.output_size) == (80, 64)
    assert (sizes.flow.encoder.num_blocks, sizes.flow.encoder.num_up_blocks) == (2, 4)
    assert sizes.flow.inference_cfg_rate == 0.5
    assert (sizes.flow.estimator.depth, sizes.flow.estimator.in_channels) == (3, 320)
    assert sizes.hift.f0_predictor.cond_channels == 24
    assert (sizes.hift.in_channels, sizes.hift.frame_samples) == (80, 480)


def test_a_file_without_sizes_means_the_released_model(tmp_path: Path) -> None:
    assert vocoder_sizes(written(tmp_path, "mel_conf: {}")) == VocoderSizes()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:pathlib.Path.touch", "!apply:pathlib.Path.touch", "!anything"]
)
def test_a_tag_is_not_followed(tag: str, tmp_path: Path) -> None:
    path = written(
        tmp_path, f"flow: {tag} {{input_size: 2}}\nmel_conf: {tag} ['{tmp_path}/touched']"
    )
    assert vocoder_sizes(path).flow.input_size == 2
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("flow: {input_size: wide}", "has 'wide' as flow.input_size"),
        ("flow: {encoder: {num_blocks: !ref <blocks>}}", "'<blocks>' as flow.encoder.num_blocks"),
        ("flow: [", "is not YAML"),
        ("- flow", "is a list; it must be a YAML mapping"),
    ],
)
def test_a_wrong_file_is_explained(content: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=says):
        vocoder_sizes(written(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read: No such file"):
        vocoder_sizes(tmp_path / "cosyvoice.yaml")

"""The sizes that docs/operating.md tells are those of the networks, counted without weights."""

import re
from math import prod

import pytest
import torch
from tiny_checkpoints.released_sizes import CONFIG as RELEASED
from whisper.model import ModelDimensions

from greenroom.managed.arena.layout import laid_out
from greenroom.managed.arena.meta_init import unfilled
from greenroom.settings import PROJECT
from greenroom_speech.engines.step_audio.device_bytes import LONGEST_REQUESTS
from greenroom_speech.engines.step_audio.language_model.cache_size import buffer_elements
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.many_rows import ManyRows
from greenroom_speech.engines.step_audio.language_model.precision import projection_of
from greenroom_speech.engines.step_audio.language_model.quantisation import Quantisation
from greenroom_speech.engines.step_audio.language_model.step1 import Step1
from greenroom_speech.engines.step_audio.prompt_analysis.linguistic_encoder import LinguisticEncoder
from greenroom_speech.engines.step_audio.prompt_analysis.semantic_network import (
    SemanticNetwork,
    SemanticShape,
)
from greenroom_speech.engines.step_audio.vocoder.sizes import VocoderSizes
from greenroom_speech.engines.step_audio.vocoder.vocoder import Vocoder
from greenroom_speech.engines.whisper.network import network
from greenroom_speech.settings import EngineSettings

SECONDS, STREAMS = (
    EngineSettings.model_fields[name].default for name in ("tts_prompt_seconds", "tts_streams")
)
GUIDE = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
PARAFORMER = {
    "output_size": 512,
    "attention_heads": 4,
    "linear_units": 2048,
    "num_blocks": 50,
    "input_layer": "pe_online",
    "selfattention_layer_type": "sanm",
    "normalize_before": True,
}
S3 = SemanticShape(128, 1280, 6, 5120, 1500, 4096)
LARGE = ModelDimensions(128, 1500, 1280, 20, 32, 51866, 448, 1280, 20, 32)
TURBO = ModelDimensions(128, 1500, 1280, 20, 32, 51866, 448, 1280, 20, 4)


def told(row):
    """The numbers of a row of the table, GB; empty and worded cells are None."""
    line = re.search(rf"^\| {re.escape(row)} \|(.+)\|$", GUIDE, re.MULTILINE)[1]
    cells = [cell.strip() for cell in line.split("|")]
    return [float(cell) if re.fullmatch(r"[\d.]+", cell) else None for cell in cells]


def gb(*modules):
    return laid_out(modules).size / 1e9


@pytest.fixture(scope="module")
def language_model():
    with unfilled():
        return Step1(LanguageModelConfig.model_validate(RELEASED)).to(torch.bfloat16)


def test_the_parts_of_tts(language_model):
    config, vocoder = LanguageModelConfig.model_validate(RELEASED), Vocoder(VocoderSizes())
    parts = {
        "language model": gb(language_model),
        "its keys and values, 4 requests of the greatest length": 2e-9
        * buffer_elements(config, LONGEST_REQUESTS),
        f"the state of {STREAMS} streams in the flow": 4e-9
        * STREAMS
        * prod(vocoder.memory_shape(round(SECONDS * 25))),
        "flow": gb(vocoder.flow),
        "vocoder": gb(vocoder.hift),
    }
    for name, size in parts.items():
        assert told(f"of it: {name}")[0] == pytest.approx(size, abs=0.006), name
    hot, _, _, _, host, _ = told("`tts`, step-audio-editx")
    assert hot == pytest.approx(sum(parts.values()), abs=0.006)
    assert host == pytest.approx(gb(language_model, *vocoder.modules), abs=0.006)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_the_language_model_in_fewer_bits(precision):
    config = LanguageModelConfig.model_validate(RELEASED)
    how = Quantisation(num_bits=4, type="int", strategy="group", symmetric=True, group_size=128)
    quantisation = how if precision == "int4" else None
    with unfilled():
        make = projection_of(precision, quantisation, torch.device("cpu"), ManyRows())
        size = gb(Step1(config, make).to(torch.bfloat16))
    scratch = 2e-9 * config.hidden_size * config.intermediate_size
    hot, _, _, _, host, _ = told(f"of it instead: language model in {precision}")
    assert host == pytest.approx(size, abs=0.006)
    assert hot == pytest.approx(size + scratch, abs=0.006)


def test_the_tokenizer():
    with torch.device("meta"):
        size = gb(LinguisticEncoder(PARAFORMER), SemanticNetwork(S3))
    hot, _, _, _, host, _ = told("`tokenizer`, step-audio")
    assert hot == host == pytest.approx(size, abs=0.006)


@pytest.mark.parametrize(("name", "dims"), [("large-v3", LARGE), ("large-v3-turbo", TURBO)])
def test_whisper(name, dims):
    hot, _, _, _, host, _ = told(f"`asr`, whisper {name}")
    assert hot == host == pytest.approx(gb(network(dims, torch.float16)), abs=0.006)


def test_the_sums():
    rows = [
        told(row)
        for row in ("`tts`, step-audio-editx", "`tokenizer`, step-audio", "`asr`, whisper large-v3")
    ]
    hot, _, _, _, host, disk = told("all three, with large-v3")
    for at, total in ((0, hot), (4, host), (5, disk)):
        assert total == pytest.approx(sum(row[at] for row in rows), abs=0.051)

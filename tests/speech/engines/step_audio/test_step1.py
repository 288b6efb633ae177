"""The network: its tensors, its config, its precision."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from language_models import SMALL, all_ids, dirty_buffer, empty_model, random_model
from tiny_checkpoints.released_sizes import CONFIG, MATRICES, NORMS

from greenroom.errors import SetupError
from greenroom_speech.engines.step_audio.language_model.attention import DecodeStep, PromptBlock
from greenroom_speech.engines.step_audio.language_model.cache_layout import laid_out
from greenroom_speech.engines.step_audio.language_model.config import (
    LanguageModelConfig,
    read_config,
)
from greenroom_speech.engines.step_audio.language_model.sqrt_alibi import slopes


def released_shapes() -> dict[str, tuple[int, ...]]:
    norms = dict.fromkeys(NORMS, (3072,))
    layers = {
        f"model.layers.{number}.{name}.weight": shape
        for number in range(32)
        for name, shape in {**MATRICES, **norms}.items()
    }
    return {
        "model.embed_tokens.weight": (74752, 3072),
        **layers,
        "model.norm.weight": (3072,),
        "lm_head.weight": (74752, 3072),
    }


def test_released_tensors_map_strictly() -> None:
    model = empty_model(LanguageModelConfig.model_validate(CONFIG))
    shapes = released_shapes()
    assert len(shapes) == 291
    weights = {
        name: torch.empty(shape, device="meta", dtype=torch.bfloat16)
        for name, shape in shapes.items()
    }
    model.load_state_dict(weights, strict=True, assign=True)
    assert {name: tuple(weight.shape) for name, weight in model.named_parameters()} == shapes
    assert not list(model.buffers())
    assert sum(weight.nbytes for weight in model.parameters()) == pytest.approx(7.06e9, rel=0.001)


def test_config_is_read_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, "model_type": "step1", "auto_map": {"AutoConfig": "x"}}))
    config = read_config(path)
    assert config.head_dim == 64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_groups": None}, "num_attention_groups: Input should be a valid integer"),
        ({"hidden_size": 0}, "hidden_size: Input should be greater than 0"),
        ({"num_attention_heads": 49}, "hidden_size 3072 must be a multiple of num_attention_heads"),
        ({"num_attention_groups": 5}, "num_attention_heads 48 must be a multiple of num_attention"),
    ],
)
def test_a_wrong_config_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(SetupError, match=message):
        read_config(path)


def test_a_missing_field_has_no_default(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({name: CONFIG[name] for name in CONFIG if name != "vocab_size"}))
    with pytest.raises(SetupError, match=r"config.json is not a Step1 config: vocab_size"):
        read_config(path)


@pytest.mark.parametrize("content", ["", "[]", "nonsense"])
def test_no_config_at_all(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(SetupError, match=r"config.json"):
        read_config(path)


def test_bf16_stays_close_to_float32() -> None:
    """Far from it the answers would be those of another model; the weights are the same."""
    rough = random_model(SMALL).to(torch.bfloat16)
    exact = random_model(SMALL)
    exact.load_state_dict({name: w.float() for name, w in rough.state_dict().items()}, assign=True)
    ids = torch.randint(4, SMALL.vocab_size, (40,), generator=torch.Generator().manual_seed(2))
    heads = slopes(SMALL.num_attention_heads)
    scores = []
    for model, dtype in ((rough, torch.bfloat16), (exact, torch.float32)):
        cache = laid_out(SMALL, dirty_buffer(SMALL, dtype=dtype), SMALL.max_seq_len)
        model(ids[:-1], PromptBlock(cache, 0, 0, 39, heads))
        cache.reach(1, 40)
        hidden = model(ids[-1:], DecodeStep(cache, torch.tensor([39]), heads, 40))
        scores.append(model.scores(hidden, all_ids(SMALL).ranges))
    assert scores[0].dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(*scores).item() > 0.99


def test_the_sum_over_keys_in_pieces_is_the_same() -> None:
    model, heads = random_model(SMALL), slopes(SMALL.num_attention_heads)
    ids = torch.arange(4, 104)
    cache = laid_out(SMALL, dirty_buffer(SMALL), SMALL.max_seq_len)
    model(ids, PromptBlock(cache, 0, 0, 100, heads))
    cache.reach(1, 512)
    answers = [
        model(ids[-1:], DecodeStep(cache, torch.tensor([99]), heads, reach, pieces))
        for reach, pieces in ((100, 1), (512, 4))
    ]
    assert torch.allclose(*answers, atol=1e-5)


def test_only_the_asked_ids_are_scored() -> None:
    model = random_model(SMALL)
    hidden = torch.randn(3, SMALL.hidden_size)
    every = model.scores(hidden, (range(SMALL.vocab_size),))
    some = model.scores(hidden, (range(3, 4), range(10, 30)))
    assert torch.allclose(some, every[:, [3, *range(10, 30)]], atol=1e-5)

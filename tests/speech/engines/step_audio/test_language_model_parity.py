"""The language model against the numbers of the released module."""

import pytest
import torch
from language_models import GREEDY, all_ids, dirty_buffer, filled_model, generator
from parity_fixtures import parity_io, parity_json, parity_weights

from greenroom_speech.engines.step_audio.language_model.attention import DecodeStep, PromptBlock
from greenroom_speech.engines.step_audio.language_model.cache_layout import laid_out
from greenroom_speech.engines.step_audio.language_model.config import LanguageModelConfig
from greenroom_speech.engines.step_audio.language_model.generation import Prompt
from greenroom_speech.engines.step_audio.language_model.key_value_cache import KeyValueCache
from greenroom_speech.engines.step_audio.language_model.sampling import Sampling, filtered, repeated
from greenroom_speech.engines.step_audio.language_model.sqrt_alibi import bias, slopes
from greenroom_speech.engines.step_audio.language_model.step1 import Step1

TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def io() -> dict[str, torch.Tensor]:
    return parity_io("lm")


@pytest.fixture(scope="module")
def model() -> Step1:
    config = LanguageModelConfig.model_validate(parity_json("lm")["config"])
    return filled_model(config, parity_weights("lm"))


def cache_of(model: Step1) -> KeyValueCache:
    buffer = dirty_buffer(model.config, dtype=model.lm_head.weight.dtype)
    cache = laid_out(model.config, buffer, model.config.max_seq_len)
    cache.reach(1, model.config.max_seq_len)
    return cache


def hidden_of(model: Step1, ids: torch.Tensor, block: int) -> torch.Tensor:
    """Hidden states of one row, read in blocks."""
    cache, heads = cache_of(model), slopes(model.config.num_attention_heads)
    parts = []
    for start in range(0, len(ids), block):
        end = min(start + block, len(ids))
        parts.append(model(ids[start:end], PromptBlock(cache, 0, start, end, heads)))
    return torch.cat(parts)


def logits_of(model: Step1, ids: torch.Tensor, block: int = 256) -> torch.Tensor:
    return model.scores(hidden_of(model, ids, block), all_ids(model.config).ranges)


def assert_near(got: torch.Tensor, wanted: torch.Tensor, tolerance: float = TOLERANCE) -> None:
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max().item() <= tolerance


@pytest.mark.parametrize("block", [256, 16, 1])
def test_logits(model: Step1, io: dict[str, torch.Tensor], block: int) -> None:
    assert_near(logits_of(model, io["input_ids"][0], block), io["logits"][0])


def test_hidden_states(model: Step1, io: dict[str, torch.Tensor]) -> None:
    first: list[torch.Tensor] = []
    hook = model.model.layers[0].register_forward_hook(lambda *call: first.append(call[-1].clone()))
    ids = io["input_ids"][0]
    last = hidden_of(model, ids, block=len(ids))
    hook.remove()
    assert_near(model.model.embed_tokens(ids), io["hidden_0_embed"][0])
    assert_near(first[0], io["hidden_after_layer0"][0])
    assert_near(last, io["hidden_final_norm"][0])


def test_rows_of_a_batch(model: Step1, io: dict[str, torch.Tensor]) -> None:
    for ids, logits in zip(io["batch_input_ids"], io["batch_logits"], strict=True):
        assert_near(logits_of(model, ids), logits)


def test_cached_steps(model: Step1, io: dict[str, torch.Tensor]) -> None:
    ids, wanted = io["input_ids"][0], io["cached_last6_logits"]
    cache, heads = cache_of(model), slopes(model.config.num_attention_heads)
    first = len(ids) - len(wanted)
    model(ids[:first], PromptBlock(cache, 0, 0, first, heads))
    for position, logits in zip(range(first, len(ids)), wanted, strict=True):
        step = DecodeStep(cache, torch.tensor([position]), heads, position + 1)
        hidden = model(ids[position : position + 1], step)
        assert_near(model.scores(hidden, all_ids(model.config).ranges)[0], logits)


@pytest.mark.parametrize("repetition_aware", [False, True])
def test_greedy_tokens(model: Step1, io: dict[str, torch.Tensor], repetition_aware: bool) -> None:
    wanted = io["greedy_tokens_repetition_aware" if repetition_aware else "greedy_tokens"].tolist()
    sampling = Sampling(repetition_aware=repetition_aware, temperature=GREEDY.temperature)
    prompt = Prompt(io["input_ids"][0].tolist(), seed=0, most_new=40)
    (speech,) = generator(model, sampling).generate([prompt])
    end = model.config.eos_token_id
    assert speech.ids + [end] * speech.ended == wanted
    assert speech.ended == (wanted[-1] == end)


@pytest.mark.parametrize("name", ["alibi_bias_6x6", "alibi_bias_6x6_48heads"])
def test_bias(io: dict[str, torch.Tensor], name: str) -> None:
    wanted = io[name][0]
    positions = torch.arange(wanted.shape[-1])
    got = bias(positions, positions, slopes(wanted.shape[0]), torch.float32)
    assert torch.equal(got.isinf(), wanted.isinf())
    seen = wanted.isfinite()
    assert_near(got[seen], wanted[seen], 1e-6)


def banned(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    scores = scores.clone()
    for row, row_ids in zip(scores, ids.tolist(), strict=True):
        if (newest := repeated(row_ids)) is not None:
            row[newest] = float("-inf")
    return scores


def test_repetition_processor() -> None:
    io = parity_io("repetition_processor")
    for case in [*parity_json("repetition_processor")["cases"], "batch"]:
        names = [f"batch_{part}" if case == "batch" else f"{part}_{case}"
                 for part in ("ids", "scores", "out")]  # fmt: skip
        ids, scores, wanted = (io[name] for name in names)
        assert torch.equal(banned(ids, scores), wanted)


def test_sampling_filter() -> None:
    facts, io = parity_json("sampling_filter"), parity_io("sampling_filter")
    warm = Sampling(temperature=facts["temperature"])
    best = Sampling(temperature=facts["temperature"], top_k=facts["top_k"])
    assert_near(filtered(io["scores"], warm), io["after_temperature"], 1e-6)
    got, wanted = filtered(io["scores"], best), io["after_top_k"]
    assert torch.equal(got.isinf(), wanted.isinf())
    assert_near(got.nan_to_num(), wanted.nan_to_num(), 1e-6)
    assert_near(torch.softmax(got, dim=-1), io["probs"], 1e-6)

"""The parity fixtures' small vocoder: sizes from the json files, weights from the fixtures."""

from collections.abc import Iterator, Sequence
from functools import cache

import torch
from parity_fixtures import parity_json, parity_weights

from greenroom_speech.engines.step_audio.vocoder.flow import Flow, VoicePrompt
from greenroom_speech.engines.step_audio.vocoder.hift import Hift
from greenroom_speech.engines.step_audio.vocoder.sizes import FlowSizes, HiftSizes
from greenroom_speech.engines.step_audio.vocoder.speech_stream import SpeechStream
from greenroom_speech.engines.step_audio.vocoder.token_pairs import token_pairs
from greenroom_speech.engines.step_audio.vocoder.weight_norm import folded
from greenroom_speech.engines.step_audio.vocoder.weights import check_tensors, hift_file_shapes


def flow_sizes() -> FlowSizes:
    return FlowSizes.model_validate(parity_json("flow")["config"])


def hift_sizes() -> HiftSizes:
    fixture = parity_json("hift")
    return HiftSizes.model_validate(fixture["config"] | {"f0_predictor": fixture["f0_predictor"]})


def flow(**changes: object) -> Flow:
    with torch.device("meta"):
        flow = Flow(flow_sizes().model_copy(update=changes)).eval()
    flow.load_state_dict(_flow_weights(), assign=True)
    return flow


@cache
def hift() -> Hift:
    with torch.device("meta"):
        hift = Hift(hift_sizes()).eval()
    state = parity_weights("hift")
    check_tensors("hift", state, hift_file_shapes(hift))
    hift.load_state_dict(folded(state), assign=True)
    return hift


def chunks(
    stream: SpeechStream, codes: Sequence[int], last: bool = False
) -> Iterator[torch.Tensor]:
    """Push codes and do all that can be done with them."""
    stream.push(codes, last)
    while stream.ready:
        if (chunk := stream.advance()) is not None:
            yield chunk


def distance(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Return the largest difference; the shapes must be equal."""
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max())


@cache
def _flow_weights() -> dict[str, torch.Tensor]:
    return parity_weights("flow")


def flow_voice(fixture: dict[str, torch.Tensor]) -> VoicePrompt:
    """Return the prompt of the fixture ``flow`` or ``token2wav``."""
    pairs = token_pairs(fixture["prompt_mixed"].tolist())
    return VoicePrompt(pairs, fixture["prompt_feat_raw"][0], fixture["speaker_embedding"][0])
